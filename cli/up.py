"""`make up`: the embedded stack, kept running until Ctrl-C, with its data kept between runs."""

import signal
import sys
from pathlib import Path
from threading import Event

import click

from cli import output
from program import run_program
from stack.addresses import DIRECTORY, Addresses
from stack.embedded import embedded_stack
from stack.errors import StackFailed
from stack.keeping import kept_up


@click.command()
@click.option("--workers", type=click.IntRange(1, 16), default=1, show_default=True, help="How many workers.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    default=DIRECTORY,
    help="Folder for its data (default: .devstack; the starter looks there).",
)
def up(workers: int, directory: Path) -> None:
    """Run PostgreSQL, Temporal with its Web UI, and workers; restart what ends."""
    told_to_stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: told_to_stop.set())
    with kept_up(directory) as mine:
        if not mine:
            found = Addresses.read(directory)
            output.say(f"Already up: {found.ui_url if found else 'starting'}")
            return
        try:
            with embedded_stack(directory, workers=workers) as addresses:
                click.echo(f"Web UI:    {addresses.ui_url}")
                click.echo(f"Temporal:  {addresses.temporal_address}")
                for name in sorted(addresses.metrics.keys() & addresses.pids.keys()):
                    click.echo(f"Metrics:   http://{addresses.metrics[name]}/metrics ({name})")
                    click.echo(f"Health:    http://{addresses.health[name]}/ready ({name})")
                click.echo(f"Addresses: {directory / 'stack.json'}")
                click.echo("Ctrl-C stops it; the data stays.")
                told_to_stop.wait()
        except StackFailed as error:
            output.complain(str(error))
            sys.exit(1)


if __name__ == "__main__":
    run_program(up)
