"""The command that applies a file: check its rows, upload them, run them as a bulk."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from cli import output
from cli.act_commands import note_of
from cli.asking import confirm
from cli.bulk_documents import BulkDocument, bulk_document
from cli.bulk_output import counted, print_bulk, print_lines
from cli.bulk_running import (
    follow_bulk,
    keep_failures,
    outcome_of,
    require_at_once,
    say_bulk_interrupted,
    start_bulk,
)
from cli.connections import Connections, with_connections
from cli.exit_codes import DONE, INTERRUPTED, NOT_DONE
from cli.json_output import print_json
from cli.options import command, examples, json_option
from cli.row_forms import find_product
from cli.typed import LONGEST_PATH, require_text
from cli.uploading import Plan, Request, Upload
from orchestrator.domain.bulk import Bulk
from orchestrator.domain.errors import InvalidInput


class Applied(Plan):
    """What a file asked for, and the bulk that runs it."""

    bulk: BulkDocument | None = None


@command(
    "apply",
    epilog=examples(
        "starter.py apply users.csv --dry-run",
        'starter.py apply groups.csv --product "User Group" --reason "ticket 4711"',
        "starter.py apply users.csv --retry-failed",
    ),
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--product", metavar="NAME", help='Product of the rows, if the file has no column "product".')
@click.option("--dry-run", is_flag=True, help="Check every row against form and gate; write nothing.")
@click.option("--again", is_flag=True, help="Run rows, too, that an earlier file has asked for.")
@click.option("--retry-failed", is_flag=True, help="Run rows again that have parked or ended badly.")
@click.option("--at-once", metavar="N", help="Processes in progress at most, 1 to 100 (default: 20).")
@click.option("--by", help="Who does this (default: your login name).")
@click.option("--reason", help="Why you do this, in one line.")
@click.option("--yes", is_flag=True, help="Do not ask whether to terminate subscriptions.")
@click.option("--no-wait", is_flag=True, help="Print the id of the bulk and return; the bulk continues.")
@json_option
def apply(
    file: Path,
    product: str | None,
    dry_run: bool,
    again: bool,
    retry_failed: bool,
    at_once: str | None,
    by: str | None,
    reason: str | None,
    yes: bool,
    no_wait: bool,
    as_json: bool,
) -> int:
    """Create, modify and terminate as a file says.

    The file is CSV, or has one JSON object a line. Its columns are the fields of "create", "modify" and
    "terminate", and "action": create (the default), modify or terminate. Rows of an earlier file are skipped.
    """
    require_text(str(file), longest=LONGEST_PATH)
    at_most = require_at_once(at_once)
    request = Request(file, product, note_of(by, reason), again=again, retry_failed=retry_failed)
    if again and retry_failed:
        raise InvalidInput("Give either --again or --retry-failed: --again runs every row")
    if product is not None:
        find_product(product)
    applying = _Applying(request, at_most, as_json=as_json)
    try:
        return applying.check() if dry_run else applying.run(yes=yes, no_wait=no_wait)
    except KeyboardInterrupt:
        say_bulk_interrupted(applying.started)
        return INTERRUPTED


class _Applying:
    """One call of the command."""

    def __init__(self, request: Request, at_once: int, *, as_json: bool) -> None:
        self._request = request
        self._at_once = at_once
        self._as_json = as_json
        self.started: UUID | None = None

    def check(self) -> int:
        """Check every row and print what would be done; return 0 if all fit, else 1."""
        plan, _ = with_connections(lambda connections: self._upload(connections, asks_gate=True), reads=True)
        if not self._as_json:
            output.say("Dry run: nothing is written")
        return self._conclude(Applied(**plan.model_dump()), fits=not plan.bad)

    def run(self, *, yes: bool, no_wait: bool) -> int:
        """Upload the rows, run them, and return 0 if all have completed, else 1."""

        async def work(connections: Connections) -> tuple[Plan, BulkDocument | None]:
            plan, bulk = await self._upload(connections, terminates=yes)
            if bulk is None and plan.terminate and not plan.bad:
                if not self._as_json:
                    show_plan(plan)
                self._ask(plan.terminate)
                plan, bulk = await self._upload(connections, terminates=True)
            if bulk is None:
                await _say_stopped(connections, plan)
                return plan, None
            if not self._as_json and (yes or not plan.terminate):
                show_plan(plan)
            self.started = bulk.bulk_id
            await start_bulk(connections, bulk.bulk_id, self._at_once, self._request.note)
            if no_wait:
                return plan, await bulk_document(connections, bulk.bulk_id)
            done = await follow_bulk(connections, bulk.bulk_id, quiet=self._as_json)
            path = self._request.path
            await keep_failures(connections, done, path.with_name(f"{path.name}.errors.csv"))
            return plan, done

        plan, done = with_connections(work, lasting=no_wait)
        fits = not plan.bad and (done is None or no_wait or done.completed == done.rows)
        if no_wait and done is not None and not self._as_json:
            click.echo(done.bulk_id)
            return DONE
        return self._conclude(Applied(**plan.model_dump(), bulk=done), fits=fits)

    async def _upload(
        self, connections: Connections, *, asks_gate: bool = False, terminates: bool = False
    ) -> tuple[Plan, Bulk | None]:
        with _reading(self._request.path) as on_progress:
            upload = Upload(self._request, connections, on_progress, asks_gate=asks_gate)
            return upload.plan, await upload.run(terminates=terminates)

    def _ask(self, number: int) -> None:
        if not sys.stdin.isatty():
            raise InvalidInput(
                f"No terminal to confirm that {counted(number, 'subscription')} end; give --yes"
            )
        confirm(f"Are you sure you want to terminate {counted(number, 'subscription')}?")

    def _conclude(self, applied: Applied, *, fits: bool) -> int:
        if self._as_json:
            print_json(applied)
            return DONE if fits else NOT_DONE
        if applied.bulk is not None:
            print_bulk(applied.bulk)
            return outcome_of(applied.bulk)
        show_plan(applied)
        if applied.bad:
            output.complain(
                f"Nothing was started, because {counted(len(applied.bad), 'row')} cannot be applied"
            )
            return NOT_DONE
        if not applied.rows:
            output.say("There is nothing to do")
        return DONE


async def _say_stopped(connections: Connections, plan: Plan) -> None:
    """Print which bulks have skipped rows that wait but do not run."""
    for bulk_id in plan.bulks if plan.skipped_open else ():
        document = await bulk_document(connections, bulk_id)
        if document.waiting and not document.active:
            waiting = counted(document.waiting, "row")
            output.say(f"{waiting} of bulk {bulk_id} not started: starter.py bulk {bulk_id} --resume")


def show_plan(plan: Plan) -> None:
    """Print what the rows of a file ask for, and the first of those that do not fit."""
    click.echo(f"{plan.create} to create, {plan.modify} to modify, {plan.terminate} to terminate")
    if plan.skipped:
        click.echo(
            f"{plan.skipped} skipped, because an earlier file has asked for them: {plan.skipped_done} done, "
            f"{plan.skipped_open} open, {plan.skipped_failed} failed"
        )
        output.say(f"They belong to: starter.py bulk {plan.bulks[0]}")
    if plan.skipped_failed:
        output.say("--retry-failed runs the failed ones again")
    print_lines([(bad.line, bad.reason) for bad in plan.bad])


@contextmanager
def _reading(path: Path) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how much of the file has been read."""
    columns = (TextColumn("Reading"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    hidden = not output.stderr.is_terminal or not path.is_file()
    with Progress(*columns, console=output.stderr, transient=True, disable=hidden) as progress:
        task = progress.add_task("", total=path.stat().st_size if path.is_file() else None)
        yield lambda position: progress.update(task, completed=position)
