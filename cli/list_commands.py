"""The commands that list subscriptions and processes."""

import click

from cli.connections import Connections, with_connections
from cli.documents import subscription_documents
from cli.exit_codes import DONE
from cli.json_output import print_json
from cli.options import examples, json_option, limit_option
from cli.process_documents import process_documents
from cli.typed import as_uuid, require_text
from orchestrator.database import process_lists, subscriptions
from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.subscription import Status


@click.command(
    "subscriptions",
    epilog=examples(
        "starter.py subscriptions --out-of-sync", 'starter.py subscriptions --product "User Group" --json'
    ),
)
@click.option(
    "--status", type=click.Choice([one.value for one in Status]), help="Only subscriptions with this status."
)
@click.option("--product", metavar="NAME", help="Only subscriptions on this product.")
@click.option("--out-of-sync", is_flag=True, help="Only subscriptions that are out of sync.")
@limit_option
@click.option("--after", metavar="ID", help="Continue the list after this id: list older ones.")
@json_option
def list_subscriptions(
    status: str | None,
    product: str | None,
    out_of_sync: bool,
    limit: int,
    after: str | None,
    as_json: bool,
) -> int:
    """List subscriptions, newest first."""
    require_text(product)
    last = None if after is None else as_uuid(after)

    async def work(connections: Connections) -> None:
        async with connections.pool.acquire() as connection:
            found = await subscriptions.list_subscriptions(
                connection,
                status=None if status is None else Status(status),
                product=product,
                out_of_sync=out_of_sync,
                limit=limit,
                after=last,
            )
            if as_json:
                print_json(await subscription_documents(connection, found))
            else:
                from cli import output

                output.print_subscriptions(found)
                output.say_more([one.subscription_id for one in found], limit)

    with_connections(work, reads=True)
    return DONE


@click.command(
    "processes",
    epilog=examples("starter.py processes --status failed", "starter.py processes --limit 10 --json"),
)
@click.option(
    "--status",
    type=click.Choice([one.value for one in ProcessStatus]),
    help="Only processes with this status.",
)
@click.option("--subscription", metavar="ID", help="Only processes on this subscription.")
@limit_option
@click.option("--after", metavar="ID", help="Continue the list after this id: list older ones.")
@json_option
def list_processes(
    status: str | None,
    subscription: str | None,
    limit: int,
    after: str | None,
    as_json: bool,
) -> int:
    """List processes, newest first."""
    require_text(after)
    subscription_id = None if subscription is None else as_uuid(subscription)

    async def work(connections: Connections) -> None:
        async with connections.pool.acquire() as connection:
            rows = await process_lists.list_processes(
                connection,
                status=None if status is None else ProcessStatus(status),
                subscription_id=subscription_id,
                limit=limit,
                after=after,
            )
        if as_json:
            documents = await process_documents(connections, rows)
            print_json([document.model_dump(mode="json") for document in documents])
        else:
            from cli import output

            output.print_processes(rows)
            output.say_more([row.process_id for row in rows], limit)

    with_connections(work, reads=True)
    return DONE
