"""The command that lists and shows bulks, and goes on with one."""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import click

from cli import output
from cli.act_commands import note_of
from cli.bulk_documents import BulkDocument, bulk_document, bulk_documents
from cli.bulk_output import print_bulk, print_bulks
from cli.bulk_running import follow_bulk, keep_failures, outcome_of, require_at_once, start_bulk
from cli.connections import Connections, with_connections
from cli.exit_codes import DONE, INTERRUPTED, NOT_DONE
from cli.json_output import print_json
from cli.meaning import AmbiguousId
from cli.options import command, examples, json_option, limit_option
from cli.typed import LONGEST_PATH, SHORTEST, require_text
from cli.uploading import UploadInProgress
from orchestrator.database import bulk_rows, bulks
from orchestrator.database.connection import transaction
from orchestrator.database.lookup import range_of
from orchestrator.domain.bulk import BulkNotFound
from orchestrator.domain.errors import InvalidInput
from orchestrator.domain.input_errors import shown
from orchestrator.process.forms import OperatorNote

MOST = 11
"""Bulks with the same beginning that are looked for: one more than a refusal names."""
EXAMPLE = "5f0c9d43"


@command(
    "bulk",
    epilog=examples(
        "starter.py bulk", f"starter.py bulk {EXAMPLE} --follow", f"starter.py bulk {EXAMPLE} --retry-failed"
    ),
)
@click.argument("bulk_id", required=False)
@click.option("--follow", is_flag=True, help="Follow it until it ends.")
@click.option("--resume", is_flag=True, help="Run its remaining rows if it has stopped, and follow it.")
@click.option("--retry-failed", is_flag=True, help="Run rows again that have parked or ended badly.")
@click.option("--at-once", metavar="N", help="Processes in progress at most, 1 to 100 (default: 20).")
@click.option("--errors", metavar="FILE", help="Write the rows that have ended badly into this CSV file.")
@click.option("--by", help="Who does this (default: your login name).")
@click.option("--reason", help="Why you do this, in one line.")
@limit_option
@click.option("--after", metavar="ID", help="Continue the list after this bulk: list older ones.")
@json_option
def bulk(
    bulk_id: str | None,
    follow: bool,
    resume: bool,
    retry_failed: bool,
    at_once: str | None,
    errors: str | None,
    by: str | None,
    reason: str | None,
    limit: int,
    after: str | None,
    as_json: bool,
) -> int:
    """List the files that were applied, newest first. Or show one, follow it, or go on with it."""
    note, at_most = note_of(by, reason), require_at_once(at_once)
    require_text(bulk_id)
    require_text(after)
    require_text(errors, longest=LONGEST_PATH)
    if bulk_id is None:
        if follow or resume or retry_failed or errors is not None:
            raise InvalidInput("Which bulk? Give its id: starter.py bulk lists all")
        return _list(limit, after, as_json=as_json)
    starts = resume or retry_failed
    wanted = _Wanted(bulk_id, follow=follow or starts, starts=starts, retries=retry_failed, errors=errors)

    async def work(connections: Connections) -> BulkDocument:
        return await _go_on(connections, wanted, note, at_most, quiet=as_json)

    try:
        document = with_connections(work, reads=not starts)
    except KeyboardInterrupt:
        output.say(f"The bulk continues; follow it again with: starter.py bulk {bulk_id} --follow")
        return INTERRUPTED
    if as_json:
        print_json(document)
        return DONE if document.completed == document.rows or not wanted.follow else NOT_DONE
    print_bulk(document)
    return outcome_of(document) if wanted.follow else DONE


@dataclass(frozen=True)
class _Wanted:
    """What to do with a bulk."""

    bulk_id: str
    """As it was typed."""
    follow: bool
    starts: bool
    """Whether to run its remaining rows."""
    retries: bool
    """Whether to run those again that have parked or ended badly."""
    errors: str | None
    """File for the rows that have ended badly; `None` writes none."""


async def _go_on(
    connections: Connections, wanted: _Wanted, note: OperatorNote, at_once: int, *, quiet: bool
) -> BulkDocument:
    found = await _find(connections, wanted.bulk_id)
    if wanted.retries:
        async with transaction(connections.pool) as connection:
            if not await bulks.lock_uploads(connection):
                raise UploadInProgress
            await bulk_rows.run_again(connection, found)
    if wanted.starts:
        await start_bulk(connections, found, at_once, note)
    if wanted.follow:
        document = await follow_bulk(connections, found, quiet=quiet)
    else:
        document = await bulk_document(connections, found)
    if wanted.errors is not None:
        await keep_failures(connections, document, Path(wanted.errors))
    return document


def _list(limit: int, after: str | None, *, as_json: bool) -> int:
    async def work(connections: Connections) -> list[BulkDocument]:
        last = None if after is None else await _find(connections, after)
        return await bulk_documents(connections, limit=limit, after=last)

    listed = with_connections(work, reads=True)
    if as_json:
        print_json([one.model_dump(mode="json") for one in listed])
    else:
        print_bulks(listed)
        output.say_more([one.bulk_id for one in listed], limit)
    return DONE


async def _find(connections: Connections, text: str) -> UUID:
    """Return the id of the bulk that this text means: its id, or the first characters of it.

    Raises:
        BulkNotFound, AmbiguousId: if it fits none or several.
    """
    first, last = range_of(text) if len(text) >= SHORTEST else (None, None)
    if first is None or last is None:
        raise BulkNotFound(f"'{shown(text)}'")
    async with connections.pool.acquire() as connection:
        found = await bulks.find_bulks(connection, first, last, MOST)
    if not found:
        raise BulkNotFound(f"'{shown(text)}'")
    if len(found) > 1:
        raise AmbiguousId(text, found)
    return found[0]
