"""Measure what the processes of the first product cost, beside the floors, and compare the ratios."""

import sys

import click
import psutil
from temporalio.service import RPCError

from cli import output
from cli.json_output import print_json
from orchestrator.database.connection import NO_ANSWER
from orchestrator.temporal.connection import TemporalUnreachable
from program import run_program
from settings import ConfigurationError, require_nothing_configured
from stack.errors import StackFailed
from trials.bench import comparison, report
from trials.bench.errors import BenchFailed
from trials.bench.figures import Load, Result
from trials.bench.running import run

FULL = Load(rounds=3, alone=40, concurrency=10, cheap=100, dear=100, per_second=10, seconds=10)
QUICK = Load(rounds=2, alone=10, concurrency=10, cheap=40, dear=32, per_second=10, seconds=3)

FAILURES = (BenchFailed, StackFailed, TemporalUnreachable, RPCError, psutil.Error)
"""Why there are no figures; each is told in one line."""


@click.command()
@click.option("--rounds", type=click.IntRange(1), help=f"Number of rounds.  [default: {FULL.rounds}]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, nothing else.")
@click.option("--quick", is_flag=True, help="Measure little, for CI.")
@click.option("--save", is_flag=True, help="Write docs/bench.json and the tables of docs/performance.md.")
def main(*, rounds: int | None, as_json: bool, quick: bool, save: bool) -> None:
    """Measure what the processes of the first product cost, beside the floors.

    Compare their ratios with docs/bench.json. Exit with 1 if one has fallen by more than a third.
    """
    if quick and save:
        raise click.UsageError("Save a full run: leave --quick out")
    load = QUICK if quick else FULL
    if rounds is not None:
        load = load.model_copy(update={"rounds": rounds})
    try:
        require_nothing_configured()
        before, result = comparison.committed(), run(load)
    except ConfigurationError as error:
        output.complain(str(error))
        sys.exit(1)
    except (*FAILURES, *NO_ANSWER) as error:
        output.complain(
            f"No figures: {str(error) or type(error).__name__}; read the logs in the folder above"
        )
        sys.exit(1)
    changes = comparison.changes(before.ratios if before else {}, result.ratios)
    if as_json:
        print_json(result)
    else:
        show(result, changes)
    if save:
        comparison.COMMITTED.write_text(result.model_dump_json(indent=2) + "\n")
        report.write_page(report.section(result))
    elif verdict := comparison.verdict(changes):
        output.complain(verdict)
        sys.exit(1)


def show(result: Result, changes: list[comparison.Change]) -> None:
    """Print the tables, the plot, and the ratios before and now."""
    click.echo(f"{report.conditions(result)}\n")
    for grid in (*report.grids(result), report.compared(changes)):
        output.stdout.print(grid.table(), "")
    click.echo(report.plot(result.figures))


if __name__ == "__main__":
    run_program(main, stop_like_ctrl_c=True)
