"""Bring PostgreSQL up to date with Temporal after it was restored to an earlier moment."""

import asyncio
import sys
from datetime import datetime
from uuid import UUID

import click
from temporalio.service import RPCError

from catalogue import validating_workflows, workflow_type, workflows
from cli import output
from cli.options import examples
from cli.times import as_past
from orchestrator.database.connection import NO_ANSWER, DatabaseUnreachable, NotPermitted, open_pool
from orchestrator.domain.errors import DomainError, InvalidInput
from orchestrator.operations.restored import list_forgotten, raise_fences, run_again
from orchestrator.temporal.connection import TemporalUnreachable, connect
from program import run_program
from settings import ConfigurationError, Endpoints, Settings
from stack.endpoints import find_endpoints
from stack.errors import StackNotInstalled

REFUSALS = (
    *(ConfigurationError, StackNotInstalled, DatabaseUnreachable, TemporalUnreachable, NotPermitted),
    *(DomainError, RPCError, *NO_ANSWER),
)
"""Why the command cannot go on; it prints each in one line."""

WELL = {"completed"}
"""Outcomes that need nobody."""


@click.command(
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "python -m cli.restored 2026-03-01T14:30 --dry-run",
        "python -m cli.restored 2026-03-01T14:30",
    ),
)
@click.argument("moment", metavar="TIME")
@click.option("--dry-run", is_flag=True, help="Only list what would be run again.")
def restored(moment: str, dry_run: bool) -> None:
    """Bring the database up to date with Temporal, after it was restored.

    TIME is the moment of the back-up in UTC, or a few minutes earlier. The command raises the fencing tokens,
    and has Temporal run again what the database has forgotten, one process after the other in the order of
    their start. A worker must run. What was aborted or refused is only listed. What would be refused, because
    its subscription is out of sync, comes later: put that right, and run the command again.
    """
    try:
        since = as_past(moment, "TIME")
    except InvalidInput as error:
        raise click.UsageError(str(error)) from error
    try:
        endpoints = find_endpoints(Settings.from_environment())
        sys.exit(asyncio.run(catch_up(endpoints, since, dry_run=dry_run)))
    except REFUSALS as error:
        output.complain(str(error) or type(error).__name__)
        sys.exit(1)


async def catch_up(endpoints: Endpoints, since: datetime, *, dry_run: bool) -> int:
    """Bring the database up to date; return 1 if a process needs a look, otherwise 0."""
    client = await connect(endpoints.temporal)
    validating = set(validating_workflows().values())
    changing = {workflow_type(one) for one in workflows()} - validating
    async with await open_pool(endpoints.database_url.get_secret_value(), size=2) as pool:
        if not dry_run:
            await raise_fences(client, pool)
        found = await list_forgotten(client, pool, since, changing=changing, validating=validating)
        outcomes: list[str] = []
        undone: set[UUID] = set()  # what a process is about that is not done yet: later ones need it
        for process in found:
            planned = "would run again" if process.runs_again else "look at it"
            if dry_run:
                outcome = planned
            elif process.runs_again and process.about & undone:
                outcome = "comes later"
            else:
                outcome = await run_again(client, pool, process)
            if outcome in {"still runs", "parked", "comes later"}:
                undone |= process.about
            click.echo(f"{process.started_at:%Y-%m-%d %H:%M:%S}  {process.process_id}  {outcome}")
            outcomes.append(outcome)
            if outcome == "ended otherwise":  # what comes after it may need what it was to do
                break
    click.echo("1 process" if len(outcomes) == 1 else f"{len(outcomes)} processes")
    return 0 if dry_run or WELL.issuperset(outcomes) else 1


if __name__ == "__main__":
    run_program(restored)
