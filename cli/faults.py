"""Inject faults into a fake external system, to see retries, parking and roll-back."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import click
from pydantic import JsonValue
from pydantic_core import from_json

from cli import output
from cli.options import examples
from orchestrator.database.connection import DatabaseUnreachable
from program import run_program
from services.errors import FakeNotUsable
from services.fake_system import FakeSystem, Fault, Record, open_fake_system
from settings import ConfigurationError, Settings
from stack.endpoints import find_endpoints

times_option = click.option(
    "--times", type=click.IntRange(1), help="Number of calls to affect (default: all)."
)


@click.group(
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=examples(
        "python -m cli.faults group_management slow --seconds 5",
        "python -m cli.faults group_management unreachable --times 3",
        'python -m cli.faults group_management reject --name "Network operators"',
        "python -m cli.faults group_management tamper 64f731c2-30f5-5d90-b7b0-8f61a6fa6cce group_name=Other",
        "python -m cli.faults group_management clear",
    ),
)
@click.argument("system")
@click.pass_context
def faults(context: click.Context, system: str) -> None:
    """Inject faults into the fake SYSTEM, e.g. group_management. They last until used up or cleared."""
    context.obj = system


@faults.command()
@click.option("--seconds", type=click.FloatRange(0), required=True, help="Seconds that each call takes.")
@times_option
@click.pass_obj
def slow(system: str, seconds: float, times: int | None) -> None:
    """Answer slowly."""
    order(system, Fault(kind="slow", seconds=seconds, times=times))


@faults.command()
@times_option
@click.pass_obj
def unreachable(system: str, times: int | None) -> None:
    """Do not answer and do nothing."""
    order(system, Fault(kind="unreachable", times=times))


@faults.command("answer-lost")
@times_option
@click.pass_obj
def answer_lost(system: str, times: int | None) -> None:
    """Do the work but lose the answer."""
    order(system, Fault(kind="answer lost", times=times))


@faults.command()
@click.option("--name", help="Reject only requests for this name (default: all).")
@times_option
@click.pass_obj
def reject(system: str, name: str | None, times: int | None) -> None:
    """Reject requests for good."""
    order(system, Fault(kind="reject", name=name, times=times))


@faults.command()
@click.argument("subscription_id", type=click.UUID)
@click.argument("changes", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--remove", is_flag=True, help="Remove the record instead.")
@click.pass_obj
def tamper(system: str, subscription_id: UUID, changes: tuple[str, ...], remove: bool) -> None:
    """Change the record of a subscription behind our back: the next validation finds a discrepancy."""
    if remove == bool(changes):
        raise click.UsageError("Give what to change, such as group_name=Other, or --remove")

    async def work(fake: FakeSystem) -> None:
        record = await fake.look(subscription_id)
        if record is None:
            raise click.ClickException(f"{system} has no record of {subscription_id}")
        changed = None if remove else record.attributes | _changes(changes, record)
        await fake.tamper(subscription_id, changed)

    with_system(system, work)


def _changes(typed: Sequence[str], record: Record) -> dict[str, JsonValue]:
    """Return the changes that were typed; a value is JSON if the present one is no text.

    Raises:
        click.UsageError: when the record has no such attribute, or the value cannot be read.
    """
    changes: dict[str, JsonValue] = {}
    for change in typed:
        name, _, value = change.partition("=")
        if name not in record.attributes:
            raise click.UsageError(f"{change!a}: the record has {', '.join(record.attributes)}")
        is_text = isinstance(record.attributes[name], str)
        try:
            changes[name] = value if is_text else from_json(value)
        except ValueError as error:
            raise click.UsageError(f"{change!a}: the value must be JSON, such as 42 or null") from error
    return changes


@faults.command()
@click.pass_obj
def clear(system: str) -> None:
    """Remove all faults."""
    with_system(system, lambda fake: fake.clear_faults())


@faults.command()
@click.pass_obj
def show(system: str) -> None:
    """Show the active faults."""

    async def work(fake: FakeSystem) -> None:
        for fault in await fake.faults():
            click.echo(fault.model_dump_json(exclude_none=True))

    with_system(system, work)


def order(system: str, fault: Fault) -> None:
    """Inject a fault into the system."""
    with_system(system, lambda fake: fake.order(fault))


def with_system(system: str, work: Callable[[FakeSystem], Awaitable[object]]) -> None:
    """Run `work` on the system of this name; exit with one line if it cannot be reached."""

    async def run() -> None:
        endpoints = find_endpoints(Settings.from_environment())
        found = endpoints.external_system(system)
        if not found.is_fake:
            raise ConfigurationError(
                f"{system.upper()}={found.opened_by} is no fake, and takes no faults: "
                "unset it to use the fake"
            )
        async with open_fake_system(endpoints.url_of(found), system) as fake:
            await work(fake)

    try:
        asyncio.run(run())
    except (ConfigurationError, DatabaseUnreachable, FakeNotUsable) as error:
        output.complain(str(error))
        sys.exit(1)


if __name__ == "__main__":
    run_program(faults)
