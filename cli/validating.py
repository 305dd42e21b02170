"""Validating every active subscription, some at a time."""

import asyncio

import click
from pydantic import BaseModel

from catalogue import entry_of, form_of
from cli import output
from cli.documents import ProcessDocument
from cli.options import fill
from cli.services import Services, with_services
from cli.starting import follow, new_process_id, start_process
from database import subscriptions
from products.process import ProcessStatus, Target
from products.subscription import Status, SubscriptionModel

AT_ONCE = 10
PAGE = 500


class Totals(BaseModel):
    """What the validation of all subscriptions has found."""

    total: int = 0
    in_sync: int = 0
    discrepancies: list[str] = []
    """The subscriptions that differ."""
    refused: list[str] = []
    """Those that the gate did not let: somebody works on them."""
    failed: list[str] = []
    """Those of which the validation did not come to an end."""


def validate_all(said: dict[str, str], *, as_json: bool) -> int:
    """Validate every active subscription, print the totals; return 0 where all are in sync, else 1."""

    async def work(services: Services) -> Totals:
        turns = asyncio.Semaphore(AT_ONCE)
        found = await _active(services)
        return _count(await asyncio.gather(*(_validate(services, turns, one, said) for one in found)))

    totals = with_services(work, say=output.say)
    if as_json:
        output.print_json(totals)
    else:
        for name, value in totals.model_dump().items():
            shown = value if isinstance(value, int) else f"{len(value)} {' '.join(value)}"
            click.echo(f"{name.replace('_', ' '):14}{shown}")
    return 0 if totals.in_sync == totals.total else 1


async def _active(services: Services) -> list[SubscriptionModel]:
    found: list[SubscriptionModel] = []
    async with services.pool.acquire() as connection:
        while True:
            page = await subscriptions.list_subscriptions(
                connection,
                status=Status.ACTIVE,
                limit=PAGE,
                after=found[-1].subscription_id if found else None,
            )
            found += page
            if len(page) < PAGE:
                return found


async def _validate(
    services: Services, turns: asyncio.Semaphore, subscription: SubscriptionModel, said: dict[str, str]
) -> tuple[str, ProcessDocument | None]:
    subscription_id = str(subscription.subscription_id)
    entry = entry_of(subscription.product.type)
    definition = entry.workflow(Target.VALIDATE) if entry else None
    if definition is None:
        return subscription_id, None
    form = fill(form_of(definition), said | {"subscription_id": subscription_id})
    process_id = new_process_id(definition)
    async with turns:
        await start_process(services, definition, form, process_id)
        return subscription_id, await follow(services, process_id, lambda _: None)


def _count(validated: list[tuple[str, ProcessDocument | None]]) -> Totals:
    found: dict[str, list[str]] = {"in_sync": [], "discrepancies": [], "refused": [], "failed": []}
    for subscription_id, document in validated:
        found[_outcome(document)].append(subscription_id)
    in_sync = found.pop("in_sync")
    return Totals(total=len(validated), in_sync=len(in_sync), **found)


def _outcome(document: ProcessDocument | None) -> str:
    if document is None:
        return "failed"
    match document.status:
        case ProcessStatus.COMPLETED:
            return "in_sync"
        case ProcessStatus.REFUSED:
            return "refused"
        case ProcessStatus.FAILED if document.last_error and document.last_error.type == "DiscrepancyFound":
            return "discrepancies"
        case _:
            return "failed"
