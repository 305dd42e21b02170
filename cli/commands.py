"""The program: its commands, and what it says where one cannot be done."""

import click

from cli import output
from cli.act_commands import abort, give_up, retry
from cli.concluding import DONE, INTERRUPTED, NOT_DONE, WRONG_USAGE
from cli.documents import ProcessNotFound
from cli.options import examples
from cli.services import Passing
from cli.show_commands import list_processes, list_subscriptions, show_process, show_subscription
from cli.start_commands import create
from cli.starting import ActionRefused
from database.connection import DatabaseUnreachable
from products.errors import DomainError, InvalidInput
from settings import ConfigurationError
from stack.embedded import StackFailed
from temporal.connection import TemporalUnreachable
from temporal.history import LastError

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
    """Subscriptions on Temporal: start processes and see what became of them.

    With nothing configured and no "make up" running, a command runs an embedded stack while it lasts.
    """


for command in (
    create,
    list_subscriptions,
    show_subscription,
    list_processes,
    show_process,
    retry,
    give_up,
    abort,
):
    cli.add_command(command)


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
    except (DomainError, ProcessNotFound, ActionRefused, *NO_SERVICES) as error:
        return _fail(arguments, error, NOT_DONE)
    return code if isinstance(code, int) else DONE


def _fail(arguments: list[str], error: Exception, code: int) -> int:
    if "--json" in arguments:
        failed = {
            "process_id": None,
            "status": None,
            "subscription": None,
            "error": LastError.of(error).model_dump(),
        }
        output.print_json(failed)
    else:
        output.complain(str(error))
    return code
