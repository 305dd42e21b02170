"""What is known about a process before it starts: sent with the start request, it costs nothing."""

from pydantic_core import to_json
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from orchestrator.domain.process import ProcessStatus, Target
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.process.forms import CreateForm, StartForm
from orchestrator.temporal import search_attributes

LONGEST_SUMMARY = 400
"""Bytes of JSON: the longest summary that a Temporal server accepts by default."""


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


def summary(title: str) -> str:
    """Return the title, shortened to what Temporal accepts as a summary."""
    while len(to_json(title)) > LONGEST_SUMMARY:
        title = title.removesuffix("…")[:-1] + "…"
    return title
