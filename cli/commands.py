"""The program: its commands, and the errors that it prints in one line."""

import asyncpg
import click
from click.exceptions import NoArgsIsHelpError
from temporalio.service import RPCError

from cli import output
from cli.act_commands import abort, give_up, retry
from cli.concluding import DONE, INTERRUPTED, NOT_DONE, WRONG_USAGE, ServiceFailed
from cli.connections import TemporaryStack
from cli.documents import ProcessNotFound, error_of
from cli.mend_commands import reconcile, set_in_sync
from cli.options import examples
from cli.schedule_commands import schedule
from cli.show_commands import list_processes, list_subscriptions, show_process, show_subscription
from cli.start_commands import create, modify, terminate, validate
from cli.starting import ActionRefused
from orchestrator.database.connection import NO_ANSWER, DatabaseUnreachable, NotPermitted
from orchestrator.database.schema import SchemaOutOfDate
from orchestrator.domain.errors import DomainError, InvalidInput
from orchestrator.domain.input_errors import shown
from orchestrator.temporal.connection import TemporalUnreachable
from settings import ConfigurationError
from stack.errors import StackFailed

LONGEST_COMPLAINT = 300
"""Characters that are printed of a usage error."""

NO_SERVICES = (ConfigurationError, TemporalUnreachable, DatabaseUnreachable, StackFailed)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=examples(
        'starter.py create user-group --group-name "Network operators"',
        "starter.py subscriptions --status active",
        "starter.py COMMAND --help",
    ),
)
def cli() -> None:
    """Start processes on subscriptions, follow them, and list what they did.

    If nothing is configured and "make up" is not running, each command runs an embedded stack.
    """


for command in (
    create,
    modify,
    terminate,
    validate,
    list_subscriptions,
    show_subscription,
    list_processes,
    show_process,
    retry,
    give_up,
    abort,
    set_in_sync,
    reconcile,
    schedule,
):
    cli.add_command(command)


def run(arguments: list[str]) -> int:
    """Run a command line and return its exit code; print an error in one line."""
    try:
        code = cli.main(arguments, prog_name="starter.py", standalone_mode=False)
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return WRONG_USAGE
    except Exception as error:
        told = _told(error)
        if told is None:
            raise
        return _fail(arguments, *told)
    return code if isinstance(code, int) else DONE


def _told(error: Exception) -> tuple[Exception, int] | None:  # noqa: PLR0911  # one for each kind
    """Return what to tell of an error, and the exit code; `None` of one that is a defect of this program."""
    match error:
        case click.UsageError():
            command = error.ctx.command_path if error.ctx else "starter.py"
            # The usage error quotes the input, which may contain control characters.
            complaint = shown(error.format_message(), LONGEST_COMPLAINT)
            return InvalidInput(f'{complaint} See "{command} --help".'), WRONG_USAGE
        case InvalidInput() | TemporaryStack():
            return error, WRONG_USAGE
        case asyncpg.UndefinedTableError():
            return SchemaOutOfDate(None, None), NOT_DONE
        case asyncpg.InsufficientPrivilegeError():
            return NotPermitted(error), NOT_DONE
        case DomainError() | ProcessNotFound() | ActionRefused() | ServiceFailed():
            return error, NOT_DONE
    if isinstance(error, NO_SERVICES):
        return error, NOT_DONE
    if isinstance(error, (RPCError, asyncpg.PostgresError, *NO_ANSWER)):
        return ServiceFailed(error), NOT_DONE
    return None


def _fail(arguments: list[str], error: Exception, code: int) -> int:
    if "--json" in arguments:
        failed = {
            "process_id": getattr(error, "process_id", None),
            "status": None,
            "subscription": None,
            "error": error_of(error).model_dump(),
        }
        output.print_json(failed)
    else:
        output.complain(str(error))
    return code
