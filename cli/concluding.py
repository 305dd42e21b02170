"""The end of a command on a process: follow the process, print it, return the exit code."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import asyncpg
import click
from temporalio.service import RPCError

from cli import output
from cli.advice import next_step
from cli.connections import Connections, with_connections
from cli.documents import Outcome
from cli.exit_codes import DONE, INTERRUPTED, NOT_DONE
from cli.following import follow, outcome, patiently
from cli.json_output import print_json
from cli.web_ui import link_to
from orchestrator.database.connection import NO_ANSWER
from stack.keeping import is_kept_up


async def watch(
    connections: Connections, process_id: str, *, as_json: bool, parked_before: int = 0
) -> Outcome:
    """Follow a process until it ends or parks, and print it."""
    with output.watching(quiet=as_json) as show:
        document = await follow(connections, process_id, show, parked_before=parked_before)
    result = await patiently(lambda: outcome(connections, document))
    if not as_json:
        output.print_process(document)
        output.advise(next_step(document, result.subscription))
    if document.ended_at is None and connections.temporary:
        output.say(f'{process_id} is still open; it resumes with the next command or "make up"')
    return result


class ServiceFailed(Exception):
    """Temporal or PostgreSQL did not answer, or answered with an error."""

    def __init__(self, cause: Exception, process_id: str | None = None) -> None:
        # Starting the process again could run it twice, so the message names it.
        then = f'check the process: "starter.py process {process_id}"' if process_id else "try again"
        reason = str(cause) or type(cause).__name__
        super().__init__(f"Temporal or PostgreSQL does not answer: {reason}; {then}")
        self.process_id = process_id


@dataclass
class Sent:
    """The process that a command has started or changed, so that an interrupt can name it."""

    process_id: str | None = None


def conclude(work: Callable[[Connections, Sent], Awaitable[Outcome]], *, no_wait: bool, as_json: bool) -> int:
    """Do the work of a command on a process, print its outcome, and return the exit code."""
    sent = Sent()

    async def linked(connections: Connections) -> Outcome:
        result = await work(connections, sent)
        if not as_json or result.process_id is None:
            return result
        return result.model_copy(update={"link": await link_to(connections, result.process_id)})

    try:
        result = with_connections(linked, lasting=no_wait)
    except KeyboardInterrupt:
        say_interrupted(sent.process_id)
        return INTERRUPTED
    except (RPCError, asyncpg.PostgresError, *NO_ANSWER) as error:
        if sent.process_id is None:
            raise
        raise ServiceFailed(error, sent.process_id) from error
    _print_outcome(result, as_json=as_json, no_wait=no_wait)
    return DONE if result.error is None else NOT_DONE


def say_interrupted(process_id: str | None, *, follow: str = "process {} --follow") -> None:
    """Print, after Ctrl-C, what continues and which command shows it."""
    if process_id is None:
        output.say("Stopped; no request was sent")
        return
    output.say(f"The process continues; follow it again with: starter.py {follow.format(process_id)}")
    if not is_kept_up():
        output.say('If you used the embedded stack, the process resumes with the next command or "make up"')


def _print_outcome(result: Outcome, *, as_json: bool, no_wait: bool) -> None:
    if as_json:
        print_json(result)
    elif no_wait and result.error is None:
        click.echo(result.process_id)
    else:
        if result.subscription is not None:
            click.echo()
            output.print_subscription(result.subscription)
        if result.error is not None:
            output.complain(result.error.message)
