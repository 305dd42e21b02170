"""The commands that show subscriptions and processes."""

import click

from cli import output
from cli.concluding import DONE, INTERRUPTED, say_interrupted
from cli.connections import Connections, with_connections
from cli.documents import process_document, process_documents, subscription_document, subscription_documents
from cli.options import as_uuid, examples, json_option, limit_option, require_text
from cli.starting import follow
from orchestrator.database import processes, subscriptions
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
@click.option("--after", metavar="ID", help="Continue the list after this id.")
@json_option
def list_subscriptions(
    status: str | None,
    product: str | None,
    out_of_sync: bool,
    limit: int,
    after: str | None,
    as_json: bool,
) -> int:
    """List subscriptions, oldest first."""
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
                output.print_json(await subscription_documents(connection, found))
            else:
                output.print_subscriptions(found)
                output.say_more([one.subscription_id for one in found], limit)

    with_connections(work, say=output.say)
    return DONE


@click.command(
    "subscription", epilog=examples("starter.py subscription 9f4fa2f2-9a9e-5fe2-98b0-88ae4c8e9778")
)
@click.argument("subscription_id")
@json_option
def show_subscription(subscription_id: str, as_json: bool) -> int:
    """Show a subscription: its values, its relations and its trail."""
    wanted = as_uuid(subscription_id)

    async def work(connections: Connections) -> None:
        async with connections.pool.acquire() as connection:
            document = await subscription_document(connection, wanted)
            trail = await processes.list_processes(connection, subscription_id=wanted, limit=1000)
        if as_json:
            output.print_json(document)
        else:
            output.print_subscription(document, trail)

    with_connections(work, say=output.say)
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
@click.option("--after", metavar="ID", help="Continue the list after this id.")
@json_option
def list_processes(
    status: str | None,
    subscription: str | None,
    limit: int,
    after: str | None,
    as_json: bool,
) -> int:
    """List processes, oldest first."""
    require_text(after)
    subscription_id = None if subscription is None else as_uuid(subscription)

    async def work(connections: Connections) -> None:
        async with connections.pool.acquire() as connection:
            rows = await processes.list_processes(
                connection,
                status=None if status is None else ProcessStatus(status),
                subscription_id=subscription_id,
                limit=limit,
                after=after,
            )
        if as_json:
            documents = await process_documents(connections, rows)
            output.print_json([document.model_dump(mode="json") for document in documents])
        else:
            output.print_processes(rows)
            output.say_more([row.process_id for row in rows], limit)

    with_connections(work, say=output.say)
    return DONE


@click.command("process", epilog=examples("starter.py process create_user_group-… --follow"))
@click.argument("process_id")
@click.option("--follow", "following", is_flag=True, help="Follow the process until it ends or parks.")
@json_option
def show_process(process_id: str, following: bool, as_json: bool) -> int:
    """Show a process: its steps with status, attempts and last failure."""
    require_text(process_id)

    async def work(connections: Connections) -> None:
        if following:
            with output.watching(quiet=as_json) as show:
                document = await follow(connections, process_id, show)
        else:
            document = await process_document(connections, process_id)
        if as_json:
            output.print_json(document)
            return
        async with connections.pool.acquire() as connection:
            output.print_process(document, await processes.read_events(connection, process_id))

    try:
        with_connections(work, say=output.say)
    except KeyboardInterrupt:
        say_interrupted(process_id)
        return INTERRUPTED
    return DONE
