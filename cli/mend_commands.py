"""The commands that repair what no open process works on: set-in-sync, reconcile."""

import click

from cli import output
from cli.act_commands import note_of
from cli.connections import Connections, with_connections
from cli.documents import Document, Outcome, subscription_document
from cli.exit_codes import DONE
from cli.fencing import fence_by
from cli.json_output import print_json
from cli.meaning import find_subscription
from cli.options import command, examples, json_option
from cli.typed import require_subscription
from orchestrator.domain.process import ProcessStatus
from orchestrator.operations.reconcile import reconcile as find_lost
from orchestrator.operations.set_in_sync import set_in_sync as set_subscription_in_sync


@command(
    "set-in-sync",
    epilog=examples('starter.py set-in-sync 64f731c2-30f5-5d90-b7b0-8f61a6fa6cce --reason "mended by hand"'),
)
@click.argument("subscription_id")
@click.option("--by", help="Who does this (default: your login name).")
@click.option("--reason", help="Why you do this, in one line.")
@json_option
def set_in_sync(subscription_id: str, by: str | None, reason: str | None, as_json: bool) -> int:
    """Unlock a subscription that no open process holds. A known discrepancy is forgotten, too."""
    require_subscription(subscription_id)
    note = note_of(by, reason)

    async def work(connections: Connections) -> tuple[Document, Document]:
        async with connections.pool.acquire() as connection:
            wanted = await find_subscription(connection, subscription_id)
            before = await subscription_document(connection, wanted)
        await set_subscription_in_sync(
            connections.client,
            connections.pool,
            wanted,
            fence=fence_by(connections.endpoints, connections.pool),
            by=note.by,
            reason=note.reason,
        )
        async with connections.pool.acquire() as connection:
            return before, await subscription_document(connection, wanted)

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
