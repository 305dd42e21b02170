"""The commands of the starter."""

import getpass
from uuid import UUID

import click

from catalogue import CATALOGUE, CatalogueEntry, form_of
from cli import output
from cli.documents import (
    Outcome,
    ProcessNotFound,
    process_document,
    subscription_document,
    with_steps,
)
from cli.options import fill, form_options
from cli.services import Passing, Services, with_services
from cli.starting import follow, outcome, start_process
from database import processes, subscriptions
from database.connection import DatabaseUnreachable
from products.errors import DomainError, InvalidInput, ProcessAlreadyExists
from products.process import ProcessStatus, Target
from products.subscription import Status
from settings import ConfigurationError
from stack.embedded import StackFailed
from temporal.connection import TemporalUnreachable
from temporal.history import LastError
from workflows.forms import StartForm
from workflows.process import ProcessFrame

DONE, NOT_DONE, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130

NO_SERVICES = (ConfigurationError, TemporalUnreachable, DatabaseUnreachable, StackFailed)


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document, nothing else.")
limit_option = click.option(
    "--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="At most so many."
)


def examples(*lines: str) -> str:
    """Return the examples for the end of a help page; each line stands as it is."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=examples(
        'starter.py create user-group --group-name "Network operators"',
        "starter.py subscriptions --status active",
        "starter.py COMMAND --help",
    ),
)
def cli() -> None:
    """Subscriptions on Temporal: start processes and see what became of them.

    With nothing configured and no "make up" running, a command runs an embedded stack while it lasts.
    """


@cli.group(
    no_args_is_help=True, epilog=examples('starter.py create user-group --group-name "Network operators"')
)
def create() -> None:
    """Create a subscription on a product."""


def add_create_command(entry: CatalogueEntry) -> None:
    """Add ``create PRODUCT`` with the options of the product's form."""
    definition = entry.workflow(Target.CREATE)
    if definition is None:
        return
    form = form_of(definition)

    @create.command(
        entry.command,
        help=f"Create a subscription: {form.__doc__}",
        epilog=examples(*(f"starter.py create {entry.command} {line}" for line in form.examples)),
    )
    @form_options(form)
    @click.option("--process-id", metavar="ID", help="Id of the process; by default one is made.")
    @click.option("--no-wait", is_flag=True, help="Print the process id, and let the process run by itself.")
    @json_option
    def command(process_id: str | None, no_wait: bool, as_json: bool, **given: str | None) -> int:
        return start(
            definition,
            fill(form, {"by": getpass.getuser(), **_said(given)}),
            process_id,
            no_wait=no_wait,
            as_json=as_json,
        )


for each in CATALOGUE:
    add_create_command(each)


def start(
    definition: type[ProcessFrame],
    form: StartForm,
    process_id: str | None,
    *,
    no_wait: bool,
    as_json: bool,
) -> int:
    """Start a process, follow it, print what became of it; return the exit code."""
    started: list[str] = []

    async def work(services: Services) -> Outcome:
        refused: ProcessAlreadyExists | None = None
        try:
            started.append(await start_process(services, definition, form, process_id))
        except ProcessAlreadyExists as error:
            assert process_id is not None  # only a given id can exist already
            started.append(process_id)
            refused = error
        if no_wait and refused is None:
            return Outcome(process_id=started[0], status=ProcessStatus.RUNNING)
        with output.watching(quiet=as_json) as show:
            document = await follow(services, started[0], show)
        if not as_json:
            output.print_process(document)
        if services.passing and document.ended_at is None:
            output.say(f'{started[0]} is still open; it goes on at the next command or "make up"')
        result = await outcome(services, document)
        return result if refused is None else result.model_copy(update={"error": _error(refused)})

    try:
        result = with_services(work, lasting=no_wait, say=output.say)
    except KeyboardInterrupt:
        for one in started:
            output.say(f"The process goes on; follow it again with: starter.py process {one} --follow")
        return INTERRUPTED
    _print_outcome(result, as_json=as_json, no_wait=no_wait)
    return DONE if result.error is None else NOT_DONE


def _print_outcome(result: Outcome, *, as_json: bool, no_wait: bool) -> None:
    if as_json:
        output.print_json(result)
    elif no_wait and result.error is None:
        click.echo(result.process_id)
    else:
        if result.subscription is not None:
            click.echo()
            output.print_subscription(result.subscription)
        if result.error is not None:
            output.complain(result.error.message)


@cli.command(
    "subscriptions",
    epilog=examples(
        "starter.py subscriptions --out-of-sync", 'starter.py subscriptions --product "User Group" --json'
    ),
)
@click.option("--status", type=click.Choice([*Status]), help="Only those with this status.")
@click.option("--product", metavar="NAME", help="Only those on this product.")
@click.option("--out-of-sync", is_flag=True, help="Only those that are out of sync.")
@limit_option
@click.option("--after", metavar="ID", help="Only those after this one in the list.")
@json_option
def list_subscriptions(
    status: Status | None,
    product: str | None,
    out_of_sync: bool,
    limit: int,
    after: str | None,
    as_json: bool,
) -> int:
    """List subscriptions, oldest first."""
    last = None if after is None else as_uuid(after)

    async def work(services: Services) -> None:
        async with services.pool.acquire() as connection:
            found = await subscriptions.list_subscriptions(
                connection, status=status, product=product, out_of_sync=out_of_sync, limit=limit, after=last
            )
            if as_json:
                output.print_json(
                    [await subscription_document(connection, one.subscription_id) for one in found]
                )
            else:
                output.print_subscriptions(found)

    with_services(work, say=output.say)
    return DONE


@cli.command("subscription", epilog=examples("starter.py subscription 9f4fa2f2-9a9e-5fe2-98b0-88ae4c8e9778"))
@click.argument("subscription_id")
@json_option
def show_subscription(subscription_id: str, as_json: bool) -> int:
    """Show a subscription: values, relations, trail."""
    wanted = as_uuid(subscription_id)

    async def work(services: Services) -> None:
        async with services.pool.acquire() as connection:
            document = await subscription_document(connection, wanted)
            trail = await processes.list_processes(connection, subscription_id=wanted, limit=1000)
        if as_json:
            output.print_json(document)
        else:
            output.print_subscription(document, trail)

    with_services(work, say=output.say)
    return DONE


@cli.command(
    "processes",
    epilog=examples("starter.py processes --status failed", "starter.py processes --limit 10 --json"),
)
@click.option("--status", type=click.Choice([*ProcessStatus]), help="Only those with this status.")
@click.option("--subscription", metavar="ID", help="Only those on this subscription.")
@limit_option
@click.option("--after", metavar="ID", help="Only those after this one in the list.")
@json_option
def list_processes(
    status: ProcessStatus | None,
    subscription: str | None,
    limit: int,
    after: str | None,
    as_json: bool,
) -> int:
    """List processes, oldest first."""
    subscription_id = None if subscription is None else as_uuid(subscription)

    async def work(services: Services) -> None:
        async with services.pool.acquire() as connection:
            rows = await processes.list_processes(
                connection, status=status, subscription_id=subscription_id, limit=limit, after=after
            )
        if as_json:
            documents = [await with_steps(services, row.process_id, row) for row in rows]
            output.print_json([document.model_dump(mode="json") for document in documents])
        else:
            output.print_processes(rows)

    with_services(work, say=output.say)
    return DONE


@cli.command("process", epilog=examples("starter.py process create_user_group-… --follow"))
@click.argument("process_id")
@click.option("--follow", "following", is_flag=True, help="Follow it until it ends or parks.")
@json_option
def show_process(process_id: str, following: bool, as_json: bool) -> int:
    """Show a process: its steps, from the history, with status, attempts and last failure."""

    async def work(services: Services) -> None:
        if following:
            with output.watching(quiet=as_json) as show:
                document = await follow(services, process_id, show)
        else:
            document = await process_document(services, process_id)
        if as_json:
            output.print_json(document)
            return
        async with services.pool.acquire() as connection:
            output.print_process(document, await processes.read_events(connection, process_id))

    try:
        with_services(work, say=output.say)
    except KeyboardInterrupt:
        output.say(f"The process goes on; follow it again with: starter.py process {process_id} --follow")
        return INTERRUPTED
    return DONE


def as_uuid(text: str) -> UUID:
    """Return the UUID that was typed.

    Raises:
        InvalidInput: when it is none.
    """
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(
            f"{text!r} is not a UUID; give one like 9f4fa2f2-9a9e-5fe2-98b0-88ae4c8e9778"
        ) from None


def run(arguments: list[str]) -> int:
    """Run a command line and return its exit code; what is wrong is told in one line."""
    try:
        code = cli.main(arguments, prog_name="starter.py", standalone_mode=False)
    except click.Abort:
        return INTERRUPTED
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "starter.py"
        return _fail(
            arguments, InvalidInput(f'{error.format_message()} See "{command} --help".'), WRONG_USAGE
        )
    except (InvalidInput, Passing) as error:
        return _fail(arguments, error, WRONG_USAGE)
    except (DomainError, ProcessNotFound, *NO_SERVICES) as error:
        return _fail(arguments, error, NOT_DONE)
    return code if isinstance(code, int) else DONE


def _fail(arguments: list[str], error: Exception, code: int) -> int:
    if "--json" in arguments:
        failed = {
            "process_id": None,
            "status": None,
            "subscription": None,
            "error": _error(error).model_dump(),
        }
        output.print_json(failed)
    else:
        output.complain(str(error))
    return code


def _error(error: Exception) -> LastError:
    return LastError(type=type(error).__name__, message=str(error))


def _said(given: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in given.items() if value is not None}
