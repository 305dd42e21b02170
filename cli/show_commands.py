"""The commands that show one subscription or one process."""

import click

from cli import output
from cli.advice import next_step
from cli.concluding import Sent, say_interrupted
from cli.connections import Connections, with_connections
from cli.documents import ProcessDocument, subscription_document
from cli.exit_codes import DONE, INTERRUPTED, NOT_DONE
from cli.following import follow, outcome
from cli.json_output import print_json
from cli.meaning import find_process, find_subscription
from cli.options import command, examples, json_option
from cli.process_documents import process_document
from cli.typed import require_subscription, require_text
from orchestrator.database import process_lists
from orchestrator.domain.process import ProcessStatus


@command(
    "subscription",
    epilog=examples(
        "starter.py subscription 9f4fa2f2-9a9e-5fe2-98b0-88ae4c8e9778", "starter.py subscription 9f4f --all"
    ),
)
@click.argument("subscription_id")
@click.option("--all", "every", is_flag=True, help="List each validation, too, instead of one line for all.")
@json_option
def show_subscription(subscription_id: str, every: bool, as_json: bool) -> int:
    """Show a subscription: its values, relations and trail."""
    require_subscription(subscription_id)

    async def work(connections: Connections) -> None:
        async with connections.pool.acquire() as connection:
            wanted = await find_subscription(connection, subscription_id)
            document = await subscription_document(connection, wanted)
            validations = await process_lists.fold_validations(connection, wanted)
            if every:
                trail = await process_lists.list_processes(connection, subscription_id=wanted, limit=1000)
            else:
                trail = await process_lists.list_changes(connection, wanted)
        if as_json:
            print_json(document | {"validations": validations.model_dump(mode="json")})
        else:
            output.print_subscription(document, trail)
            output.print_validations(validations)

    with_connections(work, reads=True)
    return DONE


@command("process", epilog=examples("starter.py process create_user_group-… --follow"))
@click.argument("process_id")
@click.option("--follow", "following", is_flag=True, help="Follow the process until it ends or parks.")
@json_option
def show_process(process_id: str, following: bool, as_json: bool) -> int:
    """Show a process: its steps, attempts and failures.

    With --follow, exit code 0 means that it has completed.
    """
    require_text(process_id)
    followed = Sent()

    async def work(connections: Connections) -> ProcessDocument:
        found = followed.process_id = await find_process(connections, process_id)
        if not following:
            document = await process_document(connections, found)
        else:
            with output.watching(quiet=as_json) as show:
                document = await follow(connections, found, show)
        if as_json:
            print_json(document)
        else:
            about = await outcome(connections, document)
            output.print_process(document)
            output.print_events(document.events)
            output.advise(next_step(document, about.subscription))
        return document

    try:
        shown = with_connections(work, reads=not following)
    except KeyboardInterrupt:
        say_interrupted(followed.process_id or process_id)
        return INTERRUPTED
    return DONE if not following or shown.status is ProcessStatus.COMPLETED else NOT_DONE
