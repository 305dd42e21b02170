"""The commands that repair what no open process works on: set-in-sync, reconcile."""

from uuid import UUID

import click

from cli import output
from cli.act_commands import note_of
from cli.connections import Connections, with_connections
from cli.documents import Document, Outcome, subscription_document
from cli.exit_codes import DONE
from cli.fencing import fence_by
from cli.filtering import require_one_or_many, subscription_filters
from cli.json_output import print_json
from cli.many import Act, Many, act_on_many, find_subscriptions
from cli.meaning import find_subscription
from cli.options import command, examples, json_option
from orchestrator.database.filters import SubscriptionFilter
from orchestrator.domain.errors import InvalidInput
from orchestrator.domain.process import ProcessStatus
from orchestrator.operations.reconcile import reconcile as find_lost
from orchestrator.operations.set_in_sync import NO_REASON
from orchestrator.operations.set_in_sync import set_in_sync as set_subscription_in_sync


@command(
    "set-in-sync",
    epilog=examples(
        'starter.py set-in-sync 64f731c2-30f5-5d90-b7b0-8f61a6fa6cce --reason "mended by hand"',
        'starter.py set-in-sync --product "User Group" --reason "all were compared by hand"',
    ),
)
@click.argument("subscription_id", required=False)
@click.option("--product", metavar="NAME", help="Only those on this product.")
@subscription_filters
@click.option("--yes", is_flag=True, help="For many: do not ask for confirmation.")
@click.option("--by", help="Who does this (default: your login name).")
@click.option("--reason", help="Why you do this, in one line; required.")
@json_option
def set_in_sync(
    subscription_id: str | None,
    product: str | None,
    wanted: SubscriptionFilter,
    yes: bool,
    by: str | None,
    reason: str | None,
    as_json: bool,
) -> int:
    """Unlock a subscription that no open process holds. A known discrepancy is forgotten, too.

    With filters instead of an id: unlock all that fit and are out of sync.
    """
    require_one_or_many(subscription_id, wanted, product)
    note = note_of(by, reason)
    if not note.reason:
        raise InvalidInput(f"{NO_REASON} (--reason)")

    async def mend(connections: Connections, found: str) -> None:
        await set_subscription_in_sync(
            connections.client,
            connections.pool,
            UUID(found),
            fence=fence_by(connections.endpoints, connections.pool),
            by=note.by,
            reason=note.reason,
        )

    if subscription_id is not None:
        return _set_one_in_sync(subscription_id, mend, as_json=as_json)
    find = find_subscriptions(wanted, product, out_of_sync=True)
    return act_on_many(Many("set in sync", "subscription", find, mend, yes, lasting=False), as_json=as_json)


def _set_one_in_sync(text: str, mend: Act, *, as_json: bool) -> int:
    async def work(connections: Connections) -> tuple[Document, Document]:
        async with connections.pool.acquire() as connection:
            found = await find_subscription(connection, text)
            before = await subscription_document(connection, found)
        await mend(connections, str(found))
        async with connections.pool.acquire() as connection:
            return before, await subscription_document(connection, found)

    before, after = with_connections(work)
    if as_json:
        print_json(Outcome(process_id=None, status=ProcessStatus.COMPLETED, subscription=after))
    else:
        output.print_subscription(after)
        output.say(_done(before))
    return DONE


@command("reconcile", epilog=examples("starter.py reconcile --json"))
@json_option
def reconcile(as_json: bool) -> int:
    """Mark processes that Temporal has closed as lost. They could not record their end themselves."""

    async def work(connections: Connections) -> list[str]:
        return [row.process_id for row in await find_lost(connections.client, connections.pool)]

    lost = with_connections(work)
    if as_json:
        print_json({"lost": lost})
    elif lost:
        click.echo("\n".join(lost))
        output.say("To go on, show one: starter.py process ID")
    else:
        click.echo("No lost processes found")
    return DONE


def _done(before: Document) -> str:
    """Return what setting the subscription in sync has done, given what it was before."""
    if before["insync"]:
        return "It was in sync already; nothing was changed"
    if before["held_by"] is not None:
        return f"Set in sync: {before['held_by']} no longer holds it"
    return f"Set in sync: the discrepancy that {before['discrepancy_found_by']} found is forgotten"
