"""The command that brings subscriptions over from orchestrator-core."""

from datetime import UTC, datetime

import click
from rich.text import Text

from cli import output
from cli.act_commands import note_of
from cli.connections import Connections, with_connections
from cli.exit_codes import DONE, NOT_DONE
from cli.json_output import print_json
from cli.options import command, examples, json_option
from cli.tables import Column, Table
from orchestrator.database.imports import Importing
from orchestrator.database.orchestrator_core import open_source
from orchestrator.domain.text import spelled
from orchestrator.operations.import_orchestrator import MOST_REFUSED, Import, ImportedProduct, ImportReport


@command(
    "import-orchestrator",
    epilog=examples(
        "starter.py import-orchestrator --database-url postgresql://reader@host/orchestrator-core --dry-run",
        'starter.py import-orchestrator --database-url postgresql://reader@host/core --reason "we move"',
    ),
)
@click.option(
    "--database-url",
    required=True,
    metavar="URL",
    help="PostgreSQL of orchestrator-core; leave the password to PGPASSWORD or PGPASSFILE.",
)
@click.option("--dry-run", is_flag=True, help="Report what the import would do, and write nothing.")
@click.option("--by", help="Who does this (default: your login name).")
@click.option("--reason", help="Why you do this, in one line.")
@json_option
def import_orchestrator(
    database_url: str, dry_run: bool, by: str | None, reason: str | None, as_json: bool
) -> int:
    """Bring subscriptions over from orchestrator-core. Their trail comes with them.

    It only reads there, and calls no external system. It never changes what is here already, so you can run
    it again at any time.
    """
    note = note_of(by, reason)

    async def work(connections: Connections) -> ImportReport:
        importing = Importing(note.by, note.reason, datetime.now(UTC))
        async with open_source(database_url) as source:
            one = Import(connections.pool, source, importing, dry_run=dry_run, tell=output.say)
            return await one.run()

    report = with_connections(work, reads=dry_run)
    if as_json:
        print_json(report)
    else:
        _print(report)
    return DONE if report.complete else NOT_DONE


def _print(report: ImportReport) -> None:
    names = ("Product", "Subscriptions", "Imported", "Here already", "Refused")
    rows = [[Text(spelled(str(cell))) for cell in _cells(one)] for one in report.products]
    output.show(Table([Column(name) for name in names], rows))
    click.echo(f"\nProcesses imported: {report.processes}")
    for why, number in report.left_behind.items():
        click.echo(f"Processes not imported: {number}, each {spelled(why)}")
    for product in report.products:
        if product.reason:
            output.complain(f"{product.product}: {product.reason}")
    for one in report.refused:
        output.complain(f"{one.subscription_id} ({one.description}): {one.reason}")
    if sum(one.refused for one in report.products) > MOST_REFUSED:
        output.complain(f"Only the first {MOST_REFUSED} that were refused are named")
    if report.dry_run:
        output.say("Nothing was changed: this is what the import would do now")


def _cells(one: ImportedProduct) -> tuple[object, ...]:
    if one.reason:
        return one.product, one.subscriptions, "–", "–", "–"
    return one.product, one.subscriptions, one.imported, one.here_already, one.refused
