"""The commands that repair what no open process works on: set-in-sync, reconcile."""

from uuid import UUID

import click

from cli import output
from cli.act_commands import note_of
from cli.connections import Connections, with_connections
from cli.documents import Document, Outcome, subscription_document
from cli.exit_codes import DONE
from cli.fencing import fence_by
from cli.json_output import print_json
from cli.options import examples, json_option
from cli.typed import as_uuid
from orchestrator.domain.process import ProcessStatus
from orchestrator.operations.reconcile import reconcile as find_lost
from orchestrator.operations.set_in_sync import set_in_sync as set_subscription_in_sync


@click.command(
    "set-in-sync",
    epilog=examples('starter.py set-in-sync 64f731c2-30f5-5d90-b7b0-8f61a6fa6cce --reason "mended by hand"'),
)
@click.argument("subscription_id")
@click.option("--by", help="Who does this (default: your login name).")
@click.option("--reason", help="Why you do this, in one line.")
@json_option
def set_in_sync(subscription_id: str, by: str | None, reason: str | None, as_json: bool) -> int:
    """Unlock a subscription that no open process holds, and clear its known discrepancy."""
    wanted, note = as_uuid(subscription_id), note_of(by, reason)

    async def work(connections: Connections) -> Document:
        await set_subscription_in_sync(
            connections.client,
            connections.pool,
            wanted,
            fence=fence_by(connections.endpoints, connections.pool),
            by=note.by,
            reason=note.reason,
        )
        return await _document(connections, wanted)

    document = with_connections(work)
    if as_json:
        print_json(Outcome(process_id=None, status=ProcessStatus.COMPLETED, subscription=document))
    else:
        output.print_subscription(document)
    return DONE


@click.command("reconcile", epilog=examples("starter.py reconcile --json"))
@json_option
def reconcile(as_json: bool) -> int:
    """Find processes that Temporal closed before they recorded their end, and mark them as lost."""

    async def work(connections: Connections) -> list[str]:
        return [row.process_id for row in await find_lost(connections.client, connections.pool)]

    lost = with_connections(work)
    if as_json:
        print_json({"lost": lost})
    else:
        click.echo("\n".join(lost) if lost else "No lost processes found")
    return DONE


async def _document(connections: Connections, subscription_id: UUID) -> Document:
    async with connections.pool.acquire() as connection:
        return await subscription_document(connection, subscription_id)
