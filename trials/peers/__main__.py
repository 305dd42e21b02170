"""Compare this project with other engines that do the same work, side by side on one PostgreSQL."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import click
import psutil
from rich.table import Table

from cli import output
from orchestrator.database.connection import DatabaseUnreachable
from orchestrator.temporal.connection import TemporalUnreachable
from program import require_nothing_configured, run_program
from settings import ConfigurationError
from stack.errors import StackFailed
from trials.peers.clients import measure, open_client
from trials.peers.environments import PeerFailed, last_line
from trials.peers.figures import HEAD, Figures, Load, Sample, SystemFigures, failures, rows
from trials.peers.shared_postgres import SharedPostgres, count_active, shared_postgres
from trials.peers.systems import Surroundings, System, all_systems

FULL = Load(rounds=2, warm_up=3, alone=5, together=8, concurrency=20)
QUICK = Load(rounds=1, warm_up=1, alone=2, together=3, concurrency=20)

FAILURES = (
    *(PeerFailed, StackFailed, DatabaseUnreachable, TemporalUnreachable),
    *(OSError, psutil.Error, subprocess.SubprocessError),
)
"""Why a system has no figures; the others are measured nevertheless."""


def measure_system(system: System, directory: Path, postgres: SharedPostgres, load: Load) -> Sample:
    """Start a system on an empty database, measure it, and stop it.

    Raises:
        PeerFailed: when it does not run, or a create has not left one active subscription.
    """
    name = directory.name.replace("-", "_")
    with (
        postgres.new_database(name) as database_url,
        system.start(Surroundings(directory, postgres, name)) as running,
        open_client(running.client, directory / "client.log") as client,
    ):
        sample = measure(client, running.parts, load)
        if running.stores_subscriptions and (active := count_active(database_url)) != client.created:
            raise PeerFailed(f"{client.created} creates succeeded, but {active} subscriptions are active")
        return sample


def measure_all(systems: list[System], directory: Path, load: Load) -> Figures:
    """Measure every system in every round, so that a change of the machine meets all of them."""
    load_average = os.getloadavg()
    samples: dict[str, list[Sample]] = {system.name: [] for system in systems}
    failed: dict[str, str] = {}
    with shared_postgres(directory / "postgres") as postgres:
        for at_round in range(1, load.rounds + 1):
            for number, system in enumerate(systems, 1):
                output.say(f"Round {at_round} of {load.rounds}: {system.name}")
                own = directory / f"round-{at_round}-{number}"
                own.mkdir()
                try:
                    samples[system.name].append(measure_system(system, own, postgres, load))
                except FAILURES as error:
                    failed[system.name] = last_line(str(error))
                    output.complain(f"{system.name}: {failed[system.name]}; see {own}")
        return Figures(
            cores=os.cpu_count(),
            load_average=load_average,
            python=platform.python_version(),
            temporalio=version("temporalio"),
            postgresql=postgres.version(),
            load=load,
            systems=[
                SystemFigures(
                    name=system.name,
                    samples=samples[system.name],
                    failure=failed.get(system.name),
                )
                for system in systems
            ],
        )


def print_figures(figures: Figures) -> None:
    """Print the figures as a table."""
    click.echo(
        f"{figures.cores} cores, load average before the run {figures.load_average[0]:.2f}, "
        f"Python {figures.python}, temporalio {figures.temporalio}, PostgreSQL {figures.postgresql}\n"
    )
    table = Table(*HEAD, box=None, header_style="dim")
    for row in rows(figures):
        table.add_row(*row)
    output.stdout.print(table)
    for line in failures(figures):
        output.complain(line)


@click.command()
@click.option(
    "--quick", is_flag=True, help="Measure one short round: to see that it runs, not for its figures."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, nothing else.")
def main(*, quick: bool, as_json: bool) -> None:
    """Compare this project with other engines that do the same work, side by side on one PostgreSQL."""
    directory = Path(tempfile.mkdtemp(prefix="peers-"))
    directory.chmod(0o755)  # root runs PostgreSQL as another user
    try:
        require_nothing_configured()
        figures = measure_all(all_systems(), directory, QUICK if quick else FULL)
    except (ConfigurationError, *FAILURES) as error:
        output.complain(last_line(str(error)))
        sys.exit(1)
    (output.print_json if as_json else print_figures)(figures)
    if not failures(figures):
        shutil.rmtree(directory)  # kept after a failure, for its logs


if __name__ == "__main__":
    run_program(main, stop_like_ctrl_c=True)
