"""`make demo`: a user group from nothing, on the embedded stack, shown step by step."""

import atexit
import sys
import time
from uuid import uuid4

import click

from cli import output
from cli.commands import run
from products.process import created_subscription_id
from stack.embedded import StackFailed, embedded_stack


def demo() -> int:
    """Create a user group and show its trail; return the exit code."""
    process_id = f"create_user_group-{uuid4()}"
    create = ["create", "user-group", "--group-name", "Network operators", "--process-id", process_id]
    trail = ["processes", "--subscription", str(created_subscription_id(process_id))]
    try:
        with embedded_stack(say=output.say):
            code = show(create) or show(trail)
    except StackFailed as error:
        output.complain(str(error))
        return 1
    click.echo('\nThat was a stack of its own, stopped again; "make up" keeps it running, with the Web UI.')
    return code


def show(arguments: list[str]) -> int:
    """Run a command of the starter as somebody would who types it."""
    words = [f'"{word}"' if " " in word else word for word in arguments]
    click.secho(f"\n$ .venv/bin/python starter.py {' '.join(words)}", bold=True)
    return run(arguments)


if __name__ == "__main__":
    # A process that exits within milliseconds of its last SDK call may die at exit
    # (temporalio/sdk-python#300).
    atexit.register(time.sleep, 0.05)
    sys.exit(demo())
