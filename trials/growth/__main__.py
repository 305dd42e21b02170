"""Measure whether lists, reads, the gate, creates and modifies get slower as the database grows."""

import sys

import click

from cli import output
from cli.json_output import print_json
from orchestrator.database.connection import NO_ANSWER
from program import run_program
from settings import ConfigurationError, require_nothing_configured
from stack.errors import StackFailed
from trials.bench.report import write_page
from trials.growth import report
from trials.growth.figures import Load, verdict
from trials.growth.running import run

FULL = Load(small=1000, large=1_000_000, rounds=5, times=40)
QUICK = Load(small=1000, large=20_000, rounds=3, times=20)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, nothing else.")
@click.option("--quick", is_flag=True, help=f"Fill the large database with only {QUICK.large:,}, for CI.")
@click.option("--save", is_flag=True, help="Write docs/growth.json and the table of docs/performance.md.")
def main(*, as_json: bool, quick: bool, save: bool) -> None:
    """Measure in a database with 1,000 subscriptions and in one with 1,000,000.

    Mark what takes more than 1.2 times as long in every round. Exit with 1 if something takes more than 1.5
    times as long in every round, or a page of a list takes more than 50 ms.
    """
    if quick and save:
        raise click.UsageError("Save a full run: leave --quick out")
    try:
        require_nothing_configured()
        result = run(QUICK if quick else FULL)
    except (ConfigurationError, StackFailed, *NO_ANSWER) as error:
        output.complain(f"No figures: {str(error) or type(error).__name__}")
        sys.exit(1)
    if as_json:
        print_json(result)
    else:
        click.echo(f"{report.conditions(result)}\n")
        output.stdout.print(report.grid(result).table(), "")
    if save:
        report.COMMITTED.write_text(result.model_dump_json(indent=2) + "\n")
        write_page(report.section(result))
    if missed := verdict(result.figures):
        output.complain(missed)
        sys.exit(1)


if __name__ == "__main__":
    run_program(main, stop_like_ctrl_c=True)
