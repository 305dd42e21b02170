"""The commands that show one subscription or one process."""

import click

from cli import output
from cli.advice import next_step
from cli.concluding import Sent, say_interrupted
from cli.connections import Connections, with_connections
from cli.documents import ProcessDocument, subscription_document
from cli.exit_codes import DONE, INTERRUPTED, NOT_DONE
from cli.following import follow, outcome
from cli.history_output import print_changes_of, print_notes, print_past, print_requested, print_validations
from cli.json_output import print_json
from cli.meaning import find_process, find_subscription
from cli.open_lists import print_scheduled
from cli.options import command, examples, json_option, open_option
from cli.past import as_it_was, with_changes
from cli.process_documents import process_document
from cli.times import as_past
from cli.typed import require_subscription, require_text
from cli.web_ui import link_to, open_page
from orchestrator.database import process_lists
from orchestrator.domain.process import ProcessStatus
from orchestrator.temporal.visibility import list_scheduled


@command(
    "subscription",
    epilog=examples(
        "starter.py subscription 9f4fa2f2-9a9e-5fe2-98b0-88ae4c8e9778",
        "starter.py subscription 9f4f --all",
        "starter.py subscription 9f4fa2f2-9a9e-5fe2-98b0-88ae4c8e9778 --at 2026-03-01",
    ),
)
@click.argument("subscription_id")
@click.option("--all", "every", is_flag=True, help="List each validation, too, instead of one line for all.")
@click.option(
    "--at",
    metavar="TIME",
    help="As it was then: a date, a time in UTC, or how long ago (2d); without its trail.",
)
@json_option
def show_subscription(subscription_id: str, every: bool, at: str | None, as_json: bool) -> int:
    """Show a subscription: its values, relations and trail."""
    require_subscription(subscription_id)
    moment = None if at is None else as_past(at, "--at")

    async def work(connections: Connections) -> None:
        async with connections.pool.acquire() as connection:
            wanted = await find_subscription(connection, subscription_id)
            if moment is not None:
                was = await as_it_was(connection, wanted, moment)
                print_json(was) if as_json else print_past(was)
                return
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
            print_validations(validations)
            print_notes(document["notes"])
            if scheduled := await list_scheduled(connections.service, subscription_id=wanted):
                click.echo("\nScheduled")
                print_scheduled(scheduled)

    with_connections(work, reads=True)
    return DONE


@command("process", epilog=examples("starter.py process create_user_group-… --follow"))
@click.argument("process_id")
@click.option("--follow", "following", is_flag=True, help="Follow the process until it ends or parks.")
@open_option
@json_option
def show_process(process_id: str, following: bool, opens: bool, as_json: bool) -> int:
    """Show a process: its steps, attempts and failures.

    With --follow, exit code 0 means that it has completed.
    """
    require_text(process_id)
    followed = Sent()

    async def work(connections: Connections) -> ProcessDocument:
        found = followed.process_id = await find_process(connections, process_id)
        link = await link_to(connections, found)
        if opens:
            await open_page(link)
        if not following:
            document = await process_document(connections, found)
        else:
            with output.watching(quiet=as_json) as show:
                document = await follow(connections, found, show)
        document = (await with_changes(connections, document)).model_copy(update={"link": link})
        if as_json:
            print_json(document)
        else:
            about = await outcome(connections, document)
            output.print_process(document)
            print_requested(document)
            print_changes_of(document)
            output.print_events(document.events)
            if link is not None:
                click.echo(f"Web UI: {link}")
            output.advise(next_step(document, about.subscription))
        return document

    try:
        shown = with_connections(work, reads=not following)
    except KeyboardInterrupt:
        say_interrupted(followed.process_id or process_id)
        return INTERRUPTED
    return DONE if not following or shown.status is ProcessStatus.COMPLETED else NOT_DONE
