"""The program: its commands, each imported only when it is called."""

import pkgutil
from collections.abc import Mapping
from typing import Any, NamedTuple

import click
from click.exceptions import NoArgsIsHelpError
from click.shell_completion import CompletionItem

from cli.completion import VARIABLE
from cli.exit_codes import DONE, INTERRUPTED, WRONG_USAGE
from cli.invocation import invocation
from cli.options import examples


class Later(NamedTuple):
    """A command that is imported when it is called: a help page must not wait for Temporal's SDK."""

    place: str
    """`module:function`."""
    summary: str
    """The first sentence of its own help, short enough for a terminal of 80 columns."""


COMMANDS: Mapping[str, Later] = {
    "abort": Later("cli.act_commands:abort", "Cancel a process and roll it back."),
    "adopt": Later("cli.act_commands:adopt", "Take what the external system has as a result."),
    "apply": Later("cli.apply_command:apply", "Create, modify and terminate as a file says."),
    "bulk": Later("cli.bulk_command:bulk", "List the files that were applied, newest first."),
    "clean-up": Later("cli.clean_up_command:clean_up", "Fold old validations, drop old results of steps."),
    "create": Later("cli.start_commands:create", "Create a subscription on a product."),
    "doctor": Later("cli.doctor_command:doctor", "Examine what the work depends on, and name remedies."),
    "give-up": Later("cli.act_commands:give_up", "End an aborted process that is parked."),
    "import-orchestrator": Later(
        "cli.import_command:import_orchestrator", "Bring subscriptions over from orchestrator-core."
    ),
    "modify": Later("cli.start_commands:modify", "Change values of a subscription."),
    "move": Later("cli.later:move", "Start a scheduled process at another time."),
    "note": Later("cli.note_command:note", "Leave a note on a subscription or a process."),
    "process": Later("cli.show_commands:show_process", "Show a process: its steps, attempts and failures."),
    "processes": Later("cli.list_commands:list_processes", "List processes, newest first."),
    "reconcile": Later("cli.mend_commands:reconcile", "Mark processes that Temporal has closed as lost."),
    "retry": Later("cli.act_commands:retry", "Run a failed step again, or now."),
    "schedule": Later("cli.schedule_commands:schedule", "Show what is scheduled, or change it."),
    "set-in-sync": Later(
        "cli.mend_commands:set_in_sync", "Unlock a subscription that no open process holds."
    ),
    "status": Later("cli.status_command:status", "Show how many processes run, wait or are parked."),
    "subscription": Later(
        "cli.show_commands:show_subscription", "Show a subscription: its values, relations and trail."
    ),
    "subscriptions": Later("cli.list_commands:list_subscriptions", "List subscriptions, newest first."),
    "terminate": Later("cli.start_commands:terminate", "Terminate a subscription, and remove it outside."),
    "validate": Later("cli.validate_command:validate", "Compare subscriptions with the external systems."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        later = COMMANDS.get(cmd_name)
        command: click.Command | None = pkgutil.resolve_name(later.place) if later else None
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        names = [CompletionItem(name) for name in COMMANDS if name.startswith(incomplete)]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        summaries = [click.Command(name, help=later.summary) for name, later in COMMANDS.items()]
        click.Group(commands=summaries).format_commands(ctx, formatter)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=examples(
        'starter.py create user-group --group-name "Network operators"',
        "starter.py subscriptions --status active",
        "starter.py COMMAND --help",
    ),
)
def cli() -> None:
    """Start processes on subscriptions, follow them, and list what they did.

    An id may be cut to its first characters, at least 4. A subscription may be named by its description.

    If nothing is configured and "make up" is not running, each command runs an embedded stack.
    """


def run(arguments: list[str]) -> int:
    """Run a command line and return its exit code; print an error in one line."""
    try:
        code = cli.main(arguments, prog_name=invocation(), complete_var=VARIABLE, standalone_mode=False)
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return WRONG_USAGE
    except Exception as error:
        told: Any = pkgutil.resolve_name("cli.failures:tell")(error, as_json="--json" in arguments)
        if told is None:
            raise
        return int(told)
    return code if isinstance(code, int) else DONE
