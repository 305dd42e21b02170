"""The command that shows the whole at a glance."""

import click
from pydantic import BaseModel

from cli.connections import Connections, with_connections
from cli.exit_codes import DONE
from cli.json_output import print_json
from cli.options import command, examples, json_option
from orchestrator.database.counts import count, frequent_reasons
from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.text import spelled
from orchestrator.temporal.search_attributes import WAITING
from orchestrator.temporal.task_queue import read_queue
from orchestrator.temporal.visibility import count_open

MOST_REASONS = 5
"""Number of reasons that are shown."""


class Reason(BaseModel):
    """Why processes are parked."""

    reason: str
    processes: int


class Overview(BaseModel):
    """The whole at a glance, as `--json` prints it."""

    scheduled: int
    running: int
    waiting: int
    parked: int
    out_of_sync: int
    discrepancies: int
    reasons: tuple[Reason, ...]
    workers: int
    backlog: int


@command("status", epilog=examples("starter.py status", "starter.py status --json"))
@json_option
def status(as_json: bool) -> int:
    """Show how many processes run, wait or are parked.

    And how many subscriptions are out of sync, the most frequent reasons, and the workers with their backlog.
    """
    found = with_connections(_read, reads=True)
    if as_json:
        print_json(found)
        return DONE
    from cli import output

    facts = found.model_dump(exclude={"reasons"})
    output.print_facts({name.replace("_", " "): number for name, number in facts.items()})
    if found.reasons:
        click.echo("\nMost frequent reasons of parked processes")
        for one in found.reasons:
            click.echo(spelled(f"{one.processes:>6} x  {one.reason}"))
    return DONE


async def _read(connections: Connections) -> Overview:
    async with connections.pool.acquire() as connection:
        counts = await count(connection)
        reasons = await frequent_reasons(connection, MOST_REASONS)
    waiting, queue = await count_open(connections.service, WAITING), await read_queue(connections.service)
    return Overview(
        scheduled=await count_open(connections.service, ProcessStatus.SCHEDULED),
        running=max(counts.running - waiting, 0),
        waiting=waiting,
        parked=counts.parked,
        out_of_sync=counts.out_of_sync,
        discrepancies=counts.discrepancies,
        reasons=tuple(Reason(reason=reason, processes=processes) for reason, processes in reasons),
        workers=queue.workers,
        backlog=queue.backlog,
    )
