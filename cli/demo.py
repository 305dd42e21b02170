"""`make demo`: a user group from nothing, on the embedded stack, shown step by step."""

import os
import sys
from pathlib import Path
from uuid import uuid4

import click

from cli import output
from cli.commands import run
from cli.exit_codes import INTERRUPTED
from orchestrator.domain.process import created_subscription_id
from program import run_program
from settings import ConfigurationError, require_nothing_configured
from stack.addresses import DIRECTORY
from stack.embedded import embedded_stack
from stack.errors import StackFailed


def demo(directory: Path) -> int:
    """Create a user group and show its trail; return the exit code."""
    process_id = f"create_user_group-{uuid4()}"
    create = ["create", "user-group", "--group-name", "Network operators", "--process-id", process_id]
    trail = ["processes", "--subscription", str(created_subscription_id(process_id))]
    try:
        require_nothing_configured()
        with embedded_stack(directory, say=output.say) as addresses:
            # The commands below use this stack.
            os.environ["TEMPORAL_ADDRESS"] = addresses.temporal_address
            os.environ["DATABASE_URL"] = addresses.database_url
            code = show(create) or show(trail)
    except (StackFailed, ConfigurationError) as error:
        output.complain(str(error))
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    click.echo('\nThat was a stack for this demo; "make up" keeps one running, with the Web UI.')
    return code


def show(arguments: list[str]) -> int:
    """Print a command of the starter and run it."""
    words = [f'"{word}"' if " " in word else word for word in arguments]
    click.secho(f"\n$ .venv/bin/python starter.py {' '.join(words)}", bold=True)
    return run(arguments)


if __name__ == "__main__":
    run_program(lambda: demo(Path(sys.argv[1]) if sys.argv[1:] else DIRECTORY), stop_like_ctrl_c=True)
