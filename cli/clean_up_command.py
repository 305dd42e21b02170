"""The command that cleans up what has ended long ago."""

from datetime import UTC, datetime, timedelta

import click

from cli import output
from cli.act_commands import note_of
from cli.connections import Connections, with_connections
from cli.exit_codes import DONE
from cli.form_options import fill
from cli.json_output import print_json
from cli.operating import Operation, operate
from cli.options import command, examples, starting_options
from orchestrator.database import retention
from orchestrator.domain.errors import InvalidInput
from orchestrator.operations.clean_up import CleanedUp, CleanUp, CleanUpForm
from orchestrator.operations.schedules import CLEAN_UP
from settings import Settings


async def _as_it_is(connections: Connections, process_id: str, done: CleanedUp) -> CleanedUp:
    return done


OPERATION = Operation(
    definition=CleanUp,
    title=CLEAN_UP.title,
    result=CleanedUp,
    query="done",
    all_of_it="everything was cleaned up",
    again="clean-up --process-id {}",
    report=_as_it_is,
)


@command(
    "clean-up",
    epilog=examples("starter.py clean-up --dry-run", 'starter.py clean-up --days 90 --reason "disk is full"'),
)
@click.option("--dry-run", is_flag=True, help="Count what clean-up would do, and do nothing.")
@click.option("--days", metavar="N", help="Days that what has ended is kept (default: RETENTION_DAYS).")
@click.option("--by", help="Who does this (default: your login name).")
@click.option("--reason", help="Why you do this, in one line.")
@starting_options
def clean_up(
    dry_run: bool,
    days: str | None,
    by: str | None,
    reason: str | None,
    process_id: str | None,
    no_wait: bool,
    opens: bool,
    as_json: bool,
) -> int:
    """Fold old validations, drop old results of steps. Subscriptions and their changes stay."""
    note = note_of(by, reason).model_dump(exclude_none=True)
    form = fill(CleanUpForm, note | ({} if days is None else {"days": days}))
    if not dry_run:
        return operate(OPERATION, form, process_id, no_wait=no_wait, opens=opens, as_json=as_json, show=_show)
    if no_wait or opens or process_id is not None:
        raise InvalidInput("--dry-run starts no process; leave out --no-wait, --open and --process-id")
    kept = timedelta(days=form.days or Settings.from_environment().retention_days)
    before = datetime.now(UTC) - kept

    async def count(connections: Connections) -> CleanedUp:
        async with connections.pool.acquire() as connection:
            due = await retention.count_due(connection, before)
        return CleanedUp(before=before, folded=due.folded, dropped=due.dropped, findings=due.findings)

    found = with_connections(count, reads=True)
    if as_json:
        print_json(found)
    else:
        _show(found)
        output.say("Nothing was changed: this is what clean-up would do now")
    return DONE


def _show(done: CleanedUp) -> None:
    output.print_facts(
        {
            "ended before": None if done.before is None else f"{done.before:%Y-%m-%d %H:%M} UTC",
            "validations folded": done.folded,
            "processes without results now": done.dropped,
            "findings deleted": done.findings,
        }
    )
