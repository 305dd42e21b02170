"""Measure what a create needs with one, two and four workers, and compute what many creates need."""

import sys

import click

from cli import output
from cli.json_output import print_json
from orchestrator.database.connection import NO_ANSWER
from program import run_program
from settings import ConfigurationError, require_nothing_configured
from trials.bench.__main__ import FAILURES
from trials.scale import report
from trials.scale.running import run


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Number of rounds.")
@click.option(
    "--creates", type=click.IntRange(30), default=200, show_default=True, help="Creates for each point."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, nothing else.")
@click.option("--save", is_flag=True, help="Write the tables of docs/scaling.md.")
def main(*, rounds: int, creates: int, as_json: bool, save: bool) -> None:
    """Measure what a create needs with one, two and four workers, and compute what many creates need."""
    try:
        require_nothing_configured()
        result = run(rounds, creates)
    except ConfigurationError as error:
        output.complain(str(error))
        sys.exit(1)
    except (*FAILURES, *NO_ANSWER) as error:
        output.complain(
            f"No figures: {str(error) or type(error).__name__}; read the logs in the folder above"
        )
        sys.exit(1)
    if as_json:
        print_json(result)
    else:
        for grid in report.grids(result):
            output.stdout.print(grid.table(), "")
    if save:
        report.write_page(result)


if __name__ == "__main__":
    run_program(main, stop_like_ctrl_c=True)
