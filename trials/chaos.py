"""`make chaos`: run processes on a whole system while faults strike it, then audit the processes."""

import asyncio
import re
import shutil
import sys
import tempfile
import time
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from random import Random, SystemRandom

import click
from pydantic import BaseModel
from rich.table import Table
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter

from cli import output
from cli.json_output import print_json
from orchestrator.database.connection import open_pool
from orchestrator.temporal.connection import connect
from orchestrator.temporal.task_queue import TASK_QUEUE
from program import run_program
from services.fake_system import FakeSystem
from settings import ConfigurationError, require_nothing_configured
from stack.errors import StackFailed
from trials.alarms import FACTOR, Provocations, open_alarms
from trials.arena import Arena, addresses_now, open_arena
from trials.audit import Report, audit
from trials.bulks import store_creates
from trials.client import ChaosClient
from trials.dropped import clean_up_everything
from trials.faults import Saboteur, plan
from trials.findings import Kind
from trials.journal import Journal
from trials.prometheus import RULES, Prometheus, PrometheusMissing
from trials.records import read_records
from trials.systems import External

PLURALS: dict[Kind, str] = {
    "duplicate": "duplicates",
    "loss": "losses",
    "orphan": "orphans",
    "contradiction": "contradictions",
}
SECONDS_PER_FAULT = 5.5
"""Average time between two faults, by default."""
PROCESSES = f"TaskQueue = '{TASK_QUEUE}' AND WorkflowType != 'apply_rows'"
"""All that have a row in the trail: the run of a bulk has none."""
CALM = 240.0
"""Seconds after the last fault within which every process must end."""


class Run(BaseModel):
    """The parameters of a run."""

    seed: int
    duration: float
    """Seconds during which faults strike."""
    processes: int
    rows: int
    """Rows of a bulk that runs meanwhile; each is a process, too."""
    faults: int
    workers: int
    external: External = "fake"


class Alarms(BaseModel):
    """Which alerts a run has brought about."""

    fired: list[str]
    """By the faults of the run."""
    provoked: list[str]
    """After the audit, on purpose."""
    silent: list[str]
    """Of those that were provoked."""
    untried: list[str]
    """Of the rule file: neither the faults nor the provocations bring them about. Their tests do."""


class Outcome(BaseModel):
    """A run, and the result of its audit."""

    run: Run
    seconds: float
    """Duration of the run with its audit."""
    faults: dict[str, int]
    """Number of faults that struck, by kind."""
    acted: dict[str, int]
    """Number of aborts and retries by the client."""
    report: Report
    alarms: Alarms | None
    """`None` if the run had no Prometheus."""


async def run_chaos(
    run: Run, directory: Path, *, with_alarms: bool
) -> tuple[Report, Saboteur, ChaosClient, Alarms | None]:
    """Start processes while faults strike; then wait until all have ended, and audit them.

    Args:
        with_alarms: whether a Prometheus evaluates the alerts meanwhile; afterwards others are provoked.
    """
    async with AsyncExitStack() as stack:
        journal = stack.enter_context(Journal(directory / "journal.jsonl"))
        arena = await stack.enter_async_context(open_arena(directory, run.workers, run.external))
        prometheus = await stack.enter_async_context(open_alarms(arena)) if with_alarms else None
        client = ChaosClient(
            await connect({"target_host": arena.temporal_proxy}), journal, Random(f"client {run.seed}")
        )
        saboteur = Saboteur(directory, arena.proxies, arena.systems, client, Random(f"saboteur {run.seed}"))
        async with await open_pool(addresses_now(directory).database_url, size=1) as pool:
            await client.run_bulk(*await store_creates(pool, run.rows, Random(f"rows {run.seed}")))
        planned = plan(Random(f"plan {run.seed}"), run.duration, run.faults)
        acting = asyncio.create_task(client.act_on_parked(aborts=0.3))
        await asyncio.gather(
            client.start_many(run.processes, run.duration), saboteur.strike(planned, output.say)
        )
        acting.cancel()
        output.say("No more faults; waiting until every process has ended")
        for system in arena.systems:
            await system.clear_faults()
        acting = asyncio.create_task(client.act_on_parked(aborts=0))
        with suppress(TimeoutError):
            async with asyncio.timeout(CALM):
                await client.until_all_ended()
                await client.validate_all()
        acting.cancel()
        output.say("Auditing")
        report = await _audit(arena, journal)
        alarms = await _sound(arena, prometheus) if prometheus else None
    return report, saboteur, client, alarms


async def _sound(arena: Arena, prometheus: Prometheus) -> Alarms:
    """Return which alerts have fired, after the others were provoked."""
    fired = await prometheus.fired()
    found = addresses_now(arena.directory)
    client = await connect({"target_host": found.temporal_address})
    async with await open_pool(found.database_url, size=2) as pool:
        fakes = [one for one in arena.systems if isinstance(one, FakeSystem)]
        silent = await Provocations(client, pool, fakes, prometheus).provoke_all(output.say)
    now = await prometheus.fired()
    every = set(re.findall(r"- alert: (\w+)", RULES.read_text()))
    return Alarms(
        fired=sorted(fired),
        provoked=sorted(now - fired),
        silent=silent,
        untried=sorted(every - now - set(silent)),
    )


async def _audit(arena: Arena, journal: Journal) -> Report:
    """Audit what is left, and once more after everything that has ended was cleaned up."""
    found = addresses_now(arena.directory)
    client = await connect({"target_host": found.temporal_address})
    async with await open_pool(found.database_url, size=2) as pool:
        report = audit(await read_records(journal, client, PROCESSES, pool, arena.systems))
        await clean_up_everything(pool)
        after = audit(await read_records(journal, client, PROCESSES, pool, arena.systems))
    again = [
        finding.model_copy(update={"what": f"after clean-up: {finding.what}"}) for finding in after.findings
    ]
    return report.model_copy(update={"findings": report.findings or again})


def print_outcome(outcome: Outcome) -> None:
    """Print the figures as a table."""
    run, report = outcome.run, outcome.report
    table = Table("", "", box=None, show_header=False)
    table.add_row("seed", str(run.seed))
    table.add_row("seconds in total", f"{outcome.seconds:.0f}")
    table.add_row("processes", str(sum(report.processes.values())))
    for status, number in sorted(report.processes.items()):
        table.add_row(f"  {status}", str(number))
    table.add_row("subscriptions", str(report.subscriptions))
    table.add_row("faults", str(sum(outcome.faults.values())))
    for kind, number in sorted(outcome.faults.items()):
        table.add_row(f"  {kind}", str(number))
    for action, number in sorted(outcome.acted.items()):
        table.add_row(action, str(number))
    table.add_row("retries observed", str(report.retries))
    for kind, name in PLURALS.items():
        table.add_row(name, str(report.count(kind)))
    if outcome.alarms:
        for how, alerts in outcome.alarms:
            table.add_row(f"alerts {how}", ", ".join(alerts) or "none")
    output.stdout.print(table)


@click.command()
@click.option(
    "--seed", type=click.IntRange(0), help="The same seed plans the same faults.  [default: random]"
)
@click.option(
    "--duration",
    type=click.FloatRange(40),
    default=360,
    show_default=True,
    help="Seconds during which faults strike.",
)
@click.option(
    "--processes", type=click.IntRange(1), default=1000, show_default=True, help="Processes to start."
)
@click.option(
    "--rows",
    type=click.IntRange(1),
    default=200,
    show_default=True,
    help="Rows of a bulk that runs meanwhile.",
)
@click.option("--faults", type=click.IntRange(1), help="Number of faults.  [default: one every 5.5 seconds]")
@click.option(
    "--workers", type=click.IntRange(2, 8), default=2, show_default=True, help="Workers that run at once."
)
@click.option(
    "--external",
    type=click.Choice(["fake", "scim"]),
    default="fake",
    show_default=True,
    help="The external systems: the fakes, or a SCIM server.",
)
@click.option(
    "--alarms",
    "with_alarms",
    is_flag=True,
    help=f"Also run Prometheus with the alerts, whose times are divided by {FACTOR}; provoke those that the "
    "faults do not bring about.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, nothing else.")
def main(
    *,
    seed: int | None,
    duration: float,
    faults: int | None,
    external: External,
    with_alarms: bool,
    as_json: bool,
    **sizes: int,
) -> None:
    """Run processes while faults strike, then audit them. Exit with 1 if the audit finds anything."""
    if with_alarms and external != "fake":
        raise click.UsageError("Only the fakes bring about every alert: leave --external or --alarms out")
    run = Run(
        seed=SystemRandom().randrange(10**6) if seed is None else seed,
        duration=duration,
        faults=faults or round(duration / SECONDS_PER_FAULT),
        external=external,
        **sizes,
    )
    # The SDK would log a warning for every call that it repeats because of a fault.
    quiet = LoggingConfig(filter=TelemetryFilter(core_level="ERROR", other_level="ERROR"))
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=quiet)))
    try:
        require_nothing_configured()
        directory, began = Path(tempfile.mkdtemp(prefix="chaos-")), time.monotonic()
        again = " ".join(f"--{name} {value}" for name, value in run)
        output.say(f'In {directory}; to repeat these faults: make chaos ARGS="{again}"')
        report, saboteur, client, alarms = asyncio.run(run_chaos(run, directory, with_alarms=with_alarms))
    except (ConfigurationError, PrometheusMissing, StackFailed) as error:
        output.complain(str(error))
        sys.exit(1)
    outcome = Outcome(
        run=run,
        seconds=time.monotonic() - began,
        faults=dict(saboteur.made),
        acted=dict(client.acted),
        report=report,
        alarms=alarms,
    )
    (print_json if as_json else print_outcome)(outcome)
    if report.findings:
        for finding in report.findings:
            output.say(str(finding))
        output.complain(f"{len(report.findings)} findings; data and logs are in {directory}")
        sys.exit(1)
    if alarms and alarms.silent:
        output.complain(f"Alerts that did not fire: {', '.join(alarms.silent)}; logs are in {directory}")
        sys.exit(1)
    shutil.rmtree(directory)


if __name__ == "__main__":
    run_program(main, stop_like_ctrl_c=True)
