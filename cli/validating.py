"""Validating every active subscription."""

import asyncio
from contextlib import suppress

import click
from pydantic import BaseModel
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from catalogue import workflow_type
from cli import output
from cli.concluding import DONE, INTERRUPTED, NOT_DONE, Sent, say_interrupted
from cli.options import require_text
from cli.services import Services, with_services
from cli.starting import ActionRefused, new_process_id, patiently, start_process
from products.errors import ProcessAlreadyExists
from workflows.validate_subscriptions import Totals, ValidateSubscriptions, ValidateSubscriptionsForm

TITLE = "Validate every active subscription"


class Started(BaseModel):
    """A validation of all that was left to itself."""

    process_id: str


def validate_all(
    form: ValidateSubscriptionsForm, process_id: str | None, *, no_wait: bool, as_json: bool
) -> int:
    """Validate every active subscription, print the totals; return 0 where all are in sync, else 1."""
    require_text(process_id)
    sent = Sent()

    async def work(services: Services) -> Totals | Started:
        wanted_id = process_id or new_process_id(ValidateSubscriptions)
        try:
            await start_process(services, ValidateSubscriptions, form, wanted_id, title=TITLE)
        except ProcessAlreadyExists:
            if not await _is_validation(services, wanted_id):
                raise
        sent.process_id = wanted_id
        return Started(process_id=wanted_id) if no_wait else await _follow(services, wanted_id)

    try:
        found = with_services(work, lasting=no_wait, say=output.say)
    except KeyboardInterrupt:
        say_interrupted(sent.process_id)
        return INTERRUPTED
    if as_json:
        output.print_json(found)
    elif isinstance(found, Totals):
        output.print_facts({name: _named(value) for name, value in found.model_dump(mode="json").items()})
    else:
        click.echo(found.process_id)
    return NOT_DONE if isinstance(found, Totals) and found.in_sync != found.total else DONE


async def _is_validation(services: Services, process_id: str) -> bool:
    """Return whether this is a validation of all, which then is followed."""
    try:
        execution = await services.client.get_workflow_handle(process_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return execution.workflow_type == workflow_type(ValidateSubscriptions)


async def _follow(services: Services, process_id: str) -> Totals:
    handle = services.client.get_workflow_handle_for(ValidateSubscriptions.run, process_id)
    telling = asyncio.create_task(_tell(handle))
    try:
        return await patiently(handle.result)
    except WorkflowFailureError as error:
        raise ActionRefused(
            f"{process_id} ended before all were validated: {error.cause}", "Aborted"
        ) from error
    finally:
        telling.cancel()


async def _tell(handle: WorkflowHandle[ValidateSubscriptions, Totals]) -> None:
    told = 0
    while True:
        await asyncio.sleep(1)
        with suppress(RPCError):
            totals = await handle.query(ValidateSubscriptions.totals)
            if totals.total != told:
                told = totals.total
                output.say(str(totals))


def _named(value: int | list[str]) -> str:
    return str(value) if isinstance(value, int) else f"{len(value)} {' '.join(value)}".rstrip()
