"""The errors of a command, each told in one line. Only a command that fails imports this."""

import asyncpg
import click
from temporalio.service import RPCError

from cli import output
from cli.acting import ActionRefused
from cli.concluding import ServiceFailed
from cli.connections import TemporaryStack
from cli.documents import ProcessNotFound, error_of
from cli.exit_codes import NOT_DONE, WRONG_USAGE
from cli.invocation import NAME, invocation
from cli.json_output import print_json
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


def tell(error: Exception, *, as_json: bool) -> int | None:
    """Print an error and return the exit code; `None` if it is a bug in this program."""
    told = _told(error)
    if told is None:
        return None
    shown_error, code = told
    if as_json:
        failed = {
            "process_id": getattr(shown_error, "process_id", None),
            "status": None,
            "subscription": None,
            "error": error_of(shown_error).model_dump(),
            "link": None,
        }
        print_json(failed)
    else:
        output.complain(str(shown_error))
    return code


def _told(error: Exception) -> tuple[Exception, int] | None:  # noqa: PLR0911  # one for each kind
    """Return the error to print, and the exit code; `None` if it is a bug in this program."""
    match error:
        case click.UsageError():
            command = error.ctx.command_path.replace(invocation(), NAME) if error.ctx else NAME
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
