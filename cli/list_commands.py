"""The commands that list subscriptions and processes."""

from contextlib import suppress
from dataclasses import replace
from uuid import UUID

import click

from cli.connections import Connections, with_connections
from cli.documents import subscription_documents
from cli.exit_codes import DONE
from cli.filtering import (
    process_filters,
    require_product,
    require_step,
    require_workflow,
    subscription_filters,
    with_holder,
)
from cli.json_output import print_json
from cli.meaning import find_process, find_subscription
from cli.options import command, examples, json_option, limit_option
from cli.process_documents import process_documents
from cli.typed import require_subscription, require_text
from orchestrator.database import process_lists, processes, subscriptions
from orchestrator.database.connection import Connection
from orchestrator.database.filters import ProcessFilter, SubscriptionFilter
from orchestrator.database.process_lists import FailedKind
from orchestrator.domain.errors import InvalidInput
from orchestrator.domain.gate import SubscriptionNotFound
from orchestrator.domain.input_errors import shown
from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.subscription import Status, SubscriptionModel
from orchestrator.temporal.search_attributes import WAITING

ONLY_IN_TEMPORAL = (ProcessStatus.SCHEDULED, WAITING)
"""Statuses that the trail does not have."""

after_option = click.option("--after", metavar="ID", help="Continue the list after this id: list older ones.")


@command(
    "subscriptions",
    epilog=examples(
        *("starter.py subscriptions --out-of-sync", "starter.py subscriptions --search alice --since 2d"),
        'starter.py subscriptions --product "User Group" --json',
    ),
)
@click.option(
    "--status", type=click.Choice([one.value for one in Status]), help="Only subscriptions with this status."
)
@click.option("--product", metavar="NAME", help="Only subscriptions on this product.")
@click.option("--out-of-sync", is_flag=True, help="Only subscriptions that are out of sync, and why.")
@subscription_filters
@limit_option
@after_option
@json_option
def list_subscriptions(
    status: str | None,
    product: str | None,
    out_of_sync: bool,
    limit: int,
    after: str | None,
    as_json: bool,
    wanted: SubscriptionFilter,
) -> int:
    """List subscriptions, newest first. All filters can be combined."""
    require_text(product)
    require_subscription(after)

    async def work(connections: Connections) -> None:
        fitting = await with_holder(connections, wanted)
        async with connections.pool.acquire() as connection:
            await require_product(connection, product)
            found = await subscriptions.list_subscriptions(
                connection,
                status=None if status is None else Status(status),
                product=product,
                out_of_sync=out_of_sync,
                fitting=fitting,
                limit=limit,
                after=None if after is None else await _subscription_before(connection, after),
            )
            if as_json:
                print_json(await subscription_documents(connection, found))
            else:
                await _print_subscriptions(connection, found, why=out_of_sync)
        if not as_json:
            _say_more([one.subscription_id for one in found], limit)

    with_connections(work, reads=True)
    return DONE


@command(
    "processes",
    epilog=examples(
        *("starter.py processes --status parked", 'starter.py processes --subscription "User Group Support"'),
        *("starter.py processes --by alice --since 6h", 'starter.py processes --because "rejects" --json'),
        "starter.py processes --status scheduled --json",
    ),
)
@click.option(
    "--status",
    type=click.Choice([str(one) for one in (*ProcessStatus, WAITING, *FailedKind)]),
    help="Only processes with this status; waiting is a part of running, parked and discrepancy of failed.",
)
@click.option(
    "--subscription", metavar="ID", help="Only processes on this subscription: id, its start, or description."
)
@process_filters
@click.option(
    *("--because", "--reason", "because"),
    metavar="TEXT",
    help="Only processes that are parked or have ended for such a reason.",
)
@click.option("--by", "created_by", metavar="NAME", help="Only processes that this person has started.")
@limit_option
@after_option
@json_option
def list_processes(
    status: str | None,
    subscription: str | None,
    limit: int,
    after: str | None,
    as_json: bool,
    wanted: ProcessFilter,
) -> int:
    """List processes, newest first. All filters can be combined."""
    require_text(after)
    require_subscription(subscription)
    if status in ONLY_IN_TEMPORAL and (after is not None or wanted):
        raise InvalidInput(f"With --status {status} only --subscription and --limit go; leave out the others")

    async def work(connections: Connections) -> None:
        if status in ONLY_IN_TEMPORAL:
            from cli.open_lists import list_by_status

            about = None if subscription is None else await _subscription(connections, subscription)
            await list_by_status(connections, status, about, limit=limit, as_json=as_json)
            return
        last = None if after is None else await _process_before(connections, after)
        async with connections.pool.acquire() as connection:
            await require_workflow(connection, wanted.workflow)
            fitting = replace(wanted, step=await require_step(connection, wanted.step))
            rows = await process_lists.list_processes(
                connection,
                status=_status(status),
                subscription_id=None
                if subscription is None
                else await find_subscription(connection, subscription),
                fitting=fitting,
                limit=limit,
                after=last,
            )
        if as_json:
            documents = await process_documents(connections, rows)
            print_json([document.model_dump(mode="json") for document in documents])
        else:
            from cli import output

            output.print_processes(rows)
            _say_more([row.process_id for row in rows], limit)

    with_connections(work, reads=True)
    return DONE


def _status(text: str | None) -> ProcessStatus | FailedKind | None:
    if text is None:
        return None
    return FailedKind(text) if text in list(FailedKind) else ProcessStatus(text)


async def _print_subscriptions(connection: Connection, found: list[SubscriptionModel], *, why: bool) -> None:
    from cli import output

    if not why:
        output.print_subscriptions(found)
        return
    from cli.out_of_sync import print_out_of_sync

    held = [one.held_by for one in found if one.held_by is not None]
    print_out_of_sync(found, await processes.read_processes(connection, held))


def _say_more(listed: list[UUID] | list[str], limit: int) -> None:
    from cli import output

    output.say_more(listed, limit)


async def _subscription(connections: Connections, text: str) -> UUID:
    async with connections.pool.acquire() as connection:
        return await find_subscription(connection, text)


async def _subscription_before(connection: Connection, text: str) -> UUID:
    """Return the subscription after which a list is to continue.

    Raises:
        InvalidInput: if there is none.
    """
    with suppress(SubscriptionNotFound):
        found = await find_subscription(connection, text)
        if await subscriptions.read_subscription(connection, found) is not None:
            return found
    raise _nothing_before(text, "subscription")


async def _process_before(connections: Connections, text: str) -> str:
    """Return the process after which a list is to continue.

    Raises:
        InvalidInput: if the trail has none.
    """
    found = await find_process(connections, text)
    async with connections.pool.acquire() as connection:
        if await processes.read_process(connection, found) is not None:
            return found
    raise _nothing_before(text, "process")


def _nothing_before(text: str, kind: str) -> InvalidInput:
    return InvalidInput(
        f"--after: there is no {kind} '{shown(text)}'; leave it out to list from the newest, "
        "or give the id of the last line of a list"
    )
