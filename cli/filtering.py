"""The options that filter lists, and what they mean; commands that act on many take the same."""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any

import click

from catalogue import workflow_type, workflows
from cli.connections import Connections
from cli.meaning import find_process
from cli.times import as_past
from cli.typed import as_uuid, require_subscription, require_text
from orchestrator.database import subscriptions
from orchestrator.database.connection import Connection
from orchestrator.database.filters import ProcessFilter, SubscriptionFilter, prefixes
from orchestrator.database.process_lists import has_processes, has_step
from orchestrator.domain.errors import InvalidInput
from orchestrator.domain.input_errors import shown

Command = Callable[..., Any]
Asked = str | None
"""What was typed for an option; `None` if it was not given."""

SINCE = "a date, a time, or how long ago: 2026-03-01, 2d, 6h."


def subscription_filters(function: Command) -> Command:
    """Add the options of `subscription_filter`; the command gets the filter as `wanted`."""

    @wraps(function)
    def filtered(*, search: Asked, customer: Asked, held_by: Asked, since: Asked, **others: Any) -> Any:
        wanted = subscription_filter(search=search, customer=customer, held_by=held_by, since=since)
        return function(wanted=wanted, **others)

    return _with_options(
        filtered,
        click.option("--since", metavar="TIME", help=f"Only those created since then: {SINCE}"),
        click.option("--held-by", metavar="PROCESS", help="Only those that this process holds."),
        click.option("--customer", metavar="ID", help="Only those of this customer."),
        click.option(
            "--search", metavar="TEXT", help="Only those with these words in description, values or note."
        ),
    )


def process_filters(function: Command) -> Command:
    """Add the options of `process_filter`, apart from who started it; the command gets it as `wanted`."""

    @wraps(function)
    def filtered(
        *,
        search: Asked,
        workflow: Asked,
        since: Asked,
        step: Asked,
        because: Asked,
        created_by: Asked = None,
        **others: Any,
    ) -> Any:
        wanted = process_filter(
            search=search, workflow=workflow, created_by=created_by, since=since, step=step, because=because
        )
        return function(wanted=wanted, **others)

    return _with_options(
        filtered,
        click.option("--step", metavar="NAME", help="Only processes that have come to this step."),
        click.option("--since", metavar="TIME", help=f"Only processes started since then: {SINCE}"),
        click.option(
            "--workflow",
            metavar="NAME",
            help="Only processes of this workflow.",
            shell_complete=_workflows_that_begin,
        ),
        click.option(
            "--search",
            metavar="TEXT",
            help="Only processes with these words in id, workflow, names or reasons.",
        ),
    )


def _workflows_that_begin(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    return [name for one in workflows() if (name := workflow_type(one)).startswith(incomplete)]


def _with_options(function: Command, *options: Command) -> Command:
    for option in options:
        function = option(function)
    return function


def subscription_filter(
    *, search: Asked = None, customer: Asked = None, held_by: Asked = None, since: Asked = None
) -> SubscriptionFilter:
    """Return the filter that was typed; its holder is still what was typed.

    Raises:
        InvalidInput: if a value cannot be one.
    """
    require_text(held_by)
    require_words(search)
    customer_id = None if customer is None else as_uuid(customer)
    if customer is not None and customer_id is None:
        raise InvalidInput(f"--customer: '{shown(customer)}' is not an id of a customer; give a whole UUID")
    return SubscriptionFilter(
        search=search,
        customer_id=customer_id,
        held_by=held_by,
        since=None if since is None else as_past(since, "--since"),
    )


async def with_holder(connections: Connections, wanted: SubscriptionFilter) -> SubscriptionFilter:
    """Return the filter with the process that was meant by what was typed.

    Raises:
        AmbiguousId: if it fits several.
    """
    if wanted.held_by is None:
        return wanted
    return replace(wanted, held_by=await find_process(connections, wanted.held_by))


def process_filter(
    *,
    search: Asked = None,
    workflow: Asked = None,
    created_by: Asked = None,
    since: Asked = None,
    step: Asked = None,
    because: Asked = None,
) -> ProcessFilter:
    """Return the filter that was typed.

    Raises:
        InvalidInput: if a value cannot be one.
    """
    for text in (workflow, created_by, step):
        require_text(text)
    for text in (search, because):
        require_words(text)
    return ProcessFilter(
        search=search,
        workflow=workflow,
        created_by=created_by,
        since=None if since is None else as_past(since, "--since"),
        step=step,
        because=because,
    )


def require_one_or_many(subscription_id: Asked, wanted: SubscriptionFilter, product: Asked) -> None:
    """Require either something that can name a subscription, or filters.

    Raises:
        InvalidInput: if both or neither was given, or a text can name nothing.
    """
    require_text(product)
    require_subscription(subscription_id)
    if (subscription_id is None) == (not wanted and product is None):
        raise InvalidInput("Give either a subscription id, or filters such as --product or --search for many")


def require_words(text: Asked) -> None:
    """Require that there is something to search for; `None` passes.

    Raises:
        InvalidInput: if it has no word, or too many, or cannot be stored.
    """
    if text is not None:
        require_text(text)
        prefixes(text)


async def require_workflow(connection: Connection, name: Asked) -> None:
    """Require that there is, or was, such a workflow; `None` passes.

    Raises:
        InvalidInput: if there never was one; the message names those that exist.
    """
    if name is None or await has_processes(connection, name):
        return
    known = sorted(workflow_type(one) for one in workflows())
    if name not in known:
        raise InvalidInput(f"There is no workflow '{shown(name)}'; give one of {', '.join(known)}")


async def require_step(connection: Connection, name: Asked) -> Asked:
    """Return the name by which the trail knows a step; what was typed may also be its title.

    Raises:
        InvalidInput: if no process has stopped at it and no workflow has it; the message names all.
    """
    if name is None or await has_step(connection, name):
        return name
    steps = [step for one in workflows() for step in (*one.sequence, *one.roll_back)]
    known = {step.title.lower(): step.key for step in steps} | {step.key: step.key for step in steps}
    if (key := known.get(name.lower())) is None:
        named = ", ".join(sorted({step.key for step in steps}))
        raise InvalidInput(f"There is no step '{shown(name)}'; give one of {named}")
    return key


async def require_product(connection: Connection, name: Asked) -> None:
    """Require that there is such a product; `None` passes.

    Raises:
        ProductNotFound: if there is none; the message names those that exist.
    """
    if name is not None:
        await subscriptions.find_product(connection, name, None)
