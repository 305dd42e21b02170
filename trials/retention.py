"""`make bench-retention`: validate everything each night of a year, clean up, and measure the tables."""

import asyncio
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
from pydantic import BaseModel
from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError

from cli import output
from cli.json_output import print_json
from orchestrator.database.connection import NO_ANSWER, open_pool
from orchestrator.temporal.connection import connect
from orchestrator.temporal.task_queue import TASK_QUEUE
from program import run_program
from settings import DEFAULT_RETENTION, ConfigurationError, require_nothing_configured
from stack.addresses import Addresses
from stack.embedded import embedded_stack
from stack.errors import StackFailed
from trials.audit import Report, audit
from trials.journal import Journal
from trials.nights import Nights, Sizes, query
from trials.records import read_records
from trials.systems import open_fake_systems

EACH = 30
"""Nights between two lines of progress."""
FLAT = 1.1
"""How many times as large the tables may be in the last third of the nights as in the middle third: before,
they fill, and PostgreSQL leaves room for the rows that come and go."""
MIB = 2**20


class Year(BaseModel):
    """What a year of nightly validations has left."""

    subscriptions: int
    nights: int
    sizes: list[Sizes]
    """After each night."""
    report: Report

    @property
    def growth(self) -> float:
        """How many times as large the tables are in the last third of the nights as in the middle third."""
        third = self.nights // 3
        middle, last = self.sizes[third : 2 * third], self.sizes[2 * third :]
        return max(one.total for one in last) / max(one.total for one in middle)

    @property
    def is_good(self) -> bool:
        """Whether the tables stayed flat, and the audit finds nothing."""
        return self.growth <= FLAT and not self.report.findings


async def run(addresses: Addresses, directory: Path, subscriptions: int, nights: int) -> Year:
    """Run the nights on an embedded stack, and audit what is left."""
    client = await connect({"target_host": addresses.temporal_address})
    url = addresses.database_url
    sizes: list[Sizes] = []

    async def note(found: Sizes) -> None:
        sizes.append(found)
        if found.night % EACH == 0 or found.night == nights:
            output.say(f"Night {found.night}: {found.rows} processes, {found.total / MIB:.1f} MiB")

    with Journal(directory / "journal.jsonl") as journal:
        year = Nights(client, TASK_QUEUE, journal)
        output.say(f"Create and validate {subscriptions} subscriptions")
        await year.settle(subscriptions)
        await year.run(url, nights, keep=DEFAULT_RETENTION, each=note)
        output.say("Audit")
        async with await open_pool(url) as pool, open_fake_systems(url) as systems:
            records = await read_records(journal, client, query(TASK_QUEUE), pool, systems)
    year.complete(records)
    return Year(subscriptions=subscriptions, nights=nights, sizes=sizes, report=audit(records))


def rows(year: Year) -> Sequence[tuple[str, str]]:
    """Return the result as a person reads it."""
    one, last = year.sizes[0], year.sizes[-1]
    without = year.sizes[min(DEFAULT_RETENTION - 1, year.nights - 1)]
    a_night = (without.total - one.total) / max(without.night - one.night, 1)
    chosen = [one for one in year.sizes if one.night in {1, 30, 60, 120, 240} or one is last]
    return [
        *(
            (f"after night {size.night}", f"{size.total / MIB:.1f} MiB, {size.rows:,} processes")
            for size in chosen
        ),
        ("without clean-up, computed", f"{(one.total + a_night * (year.nights - 1)) / MIB:.0f} MiB"),
        (f"summaries of {year.subscriptions:,} subscriptions", f"{last.summaries / MIB:.2f} MiB"),
        ("last third, divided by the middle third", f"{year.growth:.2f}"),
        ("findings of the audit", str(len(year.report.findings))),
    ]


@click.command()
@click.option("--subscriptions", type=click.IntRange(1), default=1000, show_default=True)
@click.option("--nights", type=click.IntRange(3, 3600), default=365, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, nothing else.")
def main(*, subscriptions: int, nights: int, as_json: bool) -> None:
    """Validate every subscription each night of a year, and clean up after each night."""
    try:
        require_nothing_configured()
        directory = Path(tempfile.mkdtemp(prefix="retention-"))
        output.say(f"In {directory}")
        with embedded_stack(directory, workers=1, mends=False) as addresses:
            year = asyncio.run(run(addresses, directory, subscriptions, nights))
    except (ConfigurationError, StackFailed, WorkflowFailureError, RPCError, *NO_ANSWER) as error:
        output.complain(str(error) or type(error).__name__)
        sys.exit(1)
    shutil.rmtree(directory)
    if as_json:
        print_json(year)
    else:
        output.print_facts(dict(rows(year)))
    for finding in year.report.findings:
        output.say(str(finding))
    if not year.is_good:
        sys.exit(1)


if __name__ == "__main__":
    run_program(main, stop_like_ctrl_c=True)
