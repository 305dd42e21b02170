"""Start an execution, with what is known about it before: sent with the start request, that costs nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pydantic import BaseModel
from pydantic_core import to_json
from temporalio.common import Priority, SearchAttributePair, TypedSearchAttributes, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from orchestrator.domain.errors import ProcessAlreadyExists
from orchestrator.domain.process import ProcessStatus, Target
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.process.forms import CreateForm, StartForm
from orchestrator.temporal import search_attributes
from orchestrator.temporal.task_queue import TASK_QUEUE

if TYPE_CHECKING:
    from temporalio.client import Client

LONGEST_SUMMARY = 400
"""Bytes of JSON: the longest summary that a Temporal server accepts by default."""


@dataclass(frozen=True)
class Startable:
    """A workflow that can be started by its type."""

    form: type[StartForm]
    target: Target
    kind: type[SubscriptionModel]
    """Any class of the product type."""


async def start_execution(
    client: "Client",
    workflow: str,
    form: BaseModel,
    process_id: str,
    *,
    title: str,
    attributes: TypedSearchAttributes = TypedSearchAttributes.empty,
    task_queue: str = TASK_QUEUE,
    priority: Priority = Priority.default,
    reuse: WorkflowIDReusePolicy = WorkflowIDReusePolicy.REJECT_DUPLICATE,
    memo: Mapping[str, BaseModel] | None = None,
) -> None:
    """Start an execution of the workflow under this id.

    Args:
        attributes: what is known already. If no worker has registered them yet, the process sets them.
        reuse: whether an id can be used again, once its execution has closed.

    Raises:
        ProcessAlreadyExists: when Temporal has one with this id; nothing was started.
    """
    start = partial(
        client.start_workflow,
        workflow,
        form,
        id=process_id,
        task_queue=task_queue,
        id_reuse_policy=reuse,
        static_summary=summary(title),
        priority=priority,
        memo=memo,
    )
    try:
        try:
            await start(search_attributes=attributes)
        except RPCError as error:
            if error.status is not RPCStatusCode.INVALID_ARGUMENT:
                raise
            await start()
    except WorkflowAlreadyStartedError as error:
        raise ProcessAlreadyExists(process_id) from error


def summary(title: str) -> str:
    """Return the title, shortened to what Temporal accepts as a summary."""
    while len(to_json(title)) > LONGEST_SUMMARY:
        title = title.removesuffix("…")[:-1] + "…"
    return title


def known_attributes(
    form: StartForm,
    process_id: str,
    target: Target,
    kind: type[SubscriptionModel],
    subscription: SubscriptionModel | None = None,
    *,
    status: ProcessStatus = ProcessStatus.RUNNING,
) -> TypedSearchAttributes:
    """Return the search attributes of a process that is about to start.

    The process sets those that are missing, for example if it was started in the Web UI.

    Args:
        kind: any class of the product type.
        subscription: the subscription that the process works on, if it exists.
    """
    customer = product = None
    if subscription is not None:
        customer, product = subscription.customer_id, subscription.product.name
    elif isinstance(form, CreateForm):
        customer, product = form.customer(process_id), _product(kind, getattr(form, "product", None))
    return TypedSearchAttributes(
        [
            SearchAttributePair(search_attributes.TARGET, target),
            SearchAttributePair(search_attributes.SUBSCRIPTION_ID, str(form.subscription(process_id))),
            SearchAttributePair(search_attributes.PROCESS_STATUS, status),
            *([SearchAttributePair(search_attributes.CUSTOMER_ID, str(customer))] if customer else []),
            *([SearchAttributePair(search_attributes.PRODUCT, product)] if product else []),
        ]
    )


def _product(kind: type[SubscriptionModel], wanted: str | None) -> str | None:
    """Return the name of the product, given its name or UUID; `None` if it is not certain."""
    if wanted is None and len(kind.products) > 1:
        return None
    return next(
        (
            product.name
            for product_id, product in kind.products.items()
            if wanted is None or wanted in {product.name, str(product_id)}
        ),
        None,
    )
