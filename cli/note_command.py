"""The command that leaves a note on a subscription or on a process."""

from datetime import UTC, datetime
from uuid import UUID

import click
from pydantic import Field

from cli import output
from cli.connections import Connections, with_connections
from cli.documents import Document, ProcessDocument, subscription_document
from cli.exit_codes import DONE
from cli.form_options import current_user, fill
from cli.json_output import print_json
from cli.meaning import find_either
from cli.options import command, examples, json_option
from cli.past import with_changes
from cli.process_documents import process_document
from cli.typed import LONGEST_DESCRIPTION, require_text
from cli.web_ui import link_to
from orchestrator.database import notes, processes
from orchestrator.database.connection import transaction
from orchestrator.database.notes import Note
from orchestrator.database.processes import TrailEvent
from orchestrator.domain.errors import InvalidInput
from orchestrator.domain.text import NoteText
from orchestrator.process.forms import OperatorNote


class NoteForm(OperatorNote):
    """Who leaves a note, and what it says."""

    text: NoteText | None = Field(None, title="Text", description="The note, in one line")


@command(
    "note",
    epilog=examples(
        'starter.py note 64f731c2-30f5-5d90-b7b0-8f61a6fa6cce "customer moves in May"',
        'starter.py note create_user_group-… "ticket 4711"',
        "starter.py note 64f731c2-30f5-5d90-b7b0-8f61a6fa6cce --clear",
    ),
)
@click.argument("about", metavar="ID")
@click.argument("text", required=False)
@click.option("--clear", is_flag=True, help="Clear the note of a subscription; earlier notes stay listed.")
@click.option("--by", help="Who does this (default: your login name).")
@json_option
def note(about: str, text: str | None, clear: bool, by: str | None, as_json: bool) -> int:
    """Leave a note on a subscription or a process. It changes nothing else."""
    require_text(about, longest=LONGEST_DESCRIPTION)
    if clear == (text is not None):
        raise InvalidInput("Give either the text of the note, or --clear")
    given = {"by": by or current_user(), "text": text}
    form = fill(NoteForm, {name: value for name, value in given.items() if value is not None})

    async def work(connections: Connections) -> tuple[Document | ProcessDocument, str]:
        found = await find_either(connections, about)
        if isinstance(found, UUID):
            return await note_subscription(connections, found, form)
        return await note_process(connections, found, form)

    document, done = with_connections(work)
    if as_json:
        print_json(document)
    else:
        output.say(done)
    return DONE


async def note_subscription(connections: Connections, wanted: UUID, form: NoteForm) -> tuple[Document, str]:
    """Make this the note of the subscription; return its document, and what was done."""
    written = Note(by=form.by, note=form.text, at=datetime.now(UTC))
    async with transaction(connections.pool) as connection:
        is_new = await notes.note_subscription(connection, wanted, written)
        document = await subscription_document(connection, wanted)
    if not is_new:
        return document, "This is its note already; nothing was changed"
    return document, f"{'Cleared the note of' if form.text is None else 'Noted on'} {document['description']}"


async def note_process(
    connections: Connections, process_id: str, form: NoteForm
) -> tuple[ProcessDocument, str]:
    """Append the note to the events of the process; return its document, and what was done.

    Raises:
        InvalidInput: if there is no text.
    """
    if form.text is None:
        raise InvalidInput("A note on a process stays in the trail; only that of a subscription is cleared")
    async with transaction(connections.pool) as connection:
        row = await processes.read_process(connection, process_id)
        step = None if row is None else row.last_step
        event = TrailEvent(event="noted", step=step, by=form.by, reason=form.text, at=datetime.now(UTC))
        is_new = await notes.note_process(connection, process_id, event)
    document = await with_changes(connections, await process_document(connections, process_id))
    document = document.model_copy(update={"link": await link_to(connections, process_id)})
    return document, f"Noted on {process_id}" if is_new else "This is its note already; nothing was changed"
