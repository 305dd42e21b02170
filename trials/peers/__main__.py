"""Compare this project with other engines that do the same work, side by side on one PostgreSQL."""

import atexit
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

import click
import psutil
from rich.table import Table

from cli import output
from cli.json_output import print_json
from orchestrator.database.connection import DatabaseUnreachable
from orchestrator.temporal.connection import TemporalUnreachable
from program import run_program
from settings import ConfigurationError, require_nothing_configured
from stack.errors import StackFailed
from trials.peers.clients import measure, open_client
from trials.peers.environments import PeerFailed, last_line
from trials.peers.figures import HEAD, Figures, Load, Sample, SystemFigures, failures, rows
from trials.peers.shared_postgres import SharedPostgres, count_active, shared_postgres
from trials.peers.systems import PEERS, Surroundings, System, all_systems, prepare_peer

FULL = Load(rounds=2, warm_up=3, alone=8, together=8, concurrency=20)
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
    name = directory.name
    with (
        postgres.new_database(name, system.template) as database_url,
        system.start(Surroundings(directory, postgres, name)) as running,
        open_client(running.client, directory / "client.log") as client,
    ):
        sample = measure(client, running.parts, load)
        if running.stores_subscriptions and (active := count_active(database_url)) != client.created:
            raise PeerFailed(f"{client.created} creates succeeded, but {active} subscriptions are active")
        return sample


def prepare(directory: Path, postgres: SharedPostgres, stack: ExitStack) -> dict[str, str]:
    """Make a database for each of the other systems, which is copied for each measurement.

    Returns:
        why the systems failed that did, by the name of their database.
    """
    failed = {}
    for peer in PEERS:
        output.say(f"Preparing {peer.distribution}; this installs it if need be")
        own = directory / peer.folder
        own.mkdir()
        stack.enter_context(postgres.new_database(peer.folder))
        try:
            prepare_peer(peer, Surroundings(own, postgres, peer.folder))
        except FAILURES as error:
            failed[peer.folder] = last_line(str(error))
    return failed


class Comparison:
    """Measures every system in every round, so that a change of the machine meets all of them."""

    def __init__(self, directory: Path, load: Load) -> None:
        self._directory = directory
        self._load = load
        self._samples: dict[str, list[Sample]] = {}
        self._failed: dict[str, str] = {}

    def run(self, systems: list[System]) -> Figures:
        """Measure these systems; a failure of one does not hide the others."""
        load_average = os.getloadavg()
        with shared_postgres(self._directory / "postgres") as postgres, ExitStack() as stack:
            unprepared = prepare(self._directory, postgres, stack)
            self._failed = {
                one.name: unprepared[one.template] for one in systems if one.template in unprepared
            }
            runnable = [one for one in systems if one.template not in unprepared]
            for number in range(1, self._load.rounds + 1):
                for system in runnable:
                    self._measure(system, number, postgres)
            return Figures(
                cores=os.cpu_count(),
                load_average=load_average,
                python=platform.python_version(),
                temporalio=version("temporalio"),
                postgresql=postgres.version(),
                load=self._load,
                systems=[self._figures(one.name) for one in systems],
            )

    def _measure(self, system: System, number: int, postgres: SharedPostgres) -> None:
        output.say(f"Round {number} of {self._load.rounds}: {system.name}")
        own = Path(tempfile.mkdtemp(prefix=f"round_{number}_", dir=self._directory))
        try:
            sample = measure_system(system, own, postgres, self._load)
        except FAILURES as error:
            self._failed[system.name] = last_line(str(error))
        else:
            self._samples.setdefault(system.name, []).append(sample)

    def _figures(self, name: str) -> SystemFigures:
        samples = self._samples.get(name, [])
        return SystemFigures(name=name, samples=samples, failure=self._failed.get(name))


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
@click.option("--rounds", type=click.IntRange(1), help=f"Rounds.  [default: {FULL.rounds}; --quick: 1]")
def main(*, quick: bool, as_json: bool, rounds: int | None) -> None:
    """Compare this project with other engines that do the same work, side by side on one PostgreSQL."""
    directory = Path(tempfile.mkdtemp(prefix="peers-"))
    load = QUICK if quick else FULL
    # At exit, after the library of the embedded PostgreSQL has written its last lock file there.
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    directory.chmod(0o755)  # root runs PostgreSQL as another user
    try:
        require_nothing_configured()
        figures = Comparison(directory, load.model_copy(update={"rounds": rounds or load.rounds})).run(
            all_systems()
        )
    except (ConfigurationError, *FAILURES) as error:
        atexit.unregister(shutil.rmtree)
        output.complain(last_line(str(error)))
        sys.exit(1)
    (print_json if as_json else print_figures)(figures)
    if failures(figures):
        atexit.unregister(shutil.rmtree)
        output.say(f"The logs are in {directory}")


if __name__ == "__main__":
    run_program(main, stop_like_ctrl_c=True)
