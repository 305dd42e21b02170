"""The commands that show one subscription or one process."""

import click

from cli import output
from cli.concluding import say_interrupted
from cli.connections import Connections, with_connections
from cli.documents import subscription_document
from cli.exit_codes import DONE, INTERRUPTED
from cli.following import follow
from cli.json_output import print_json
from cli.options import examples, json_option
from cli.process_documents import process_document
from cli.typed import as_uuid, require_text
from orchestrator.database import process_lists, processes


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
            trail = await process_lists.list_processes(connection, subscription_id=wanted, limit=1000)
        if as_json:
            print_json(document)
        else:
            output.print_subscription(document, trail)

    with_connections(work, reads=True)
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
            print_json(document)
            return
        async with connections.pool.acquire() as connection:
            output.print_process(document, await processes.read_events(connection, process_id))

    try:
        with_connections(work, reads=not following)
    except KeyboardInterrupt:
        say_interrupted(process_id)
        return INTERRUPTED
    return DONE
