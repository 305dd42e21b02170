"""Compare a subscription with the record of an external system."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from pydantic import BaseModel

from orchestrator.domain.errors import DomainError, NothingToAdopt
from orchestrator.domain.subscription import SubscriptionModel

M = TypeVar("M", bound=BaseModel)


class DiscrepancyFound(DomainError):
    """A validation found differences to an external system; the subscription stays out of sync."""

    def __init__(self, subscription: SubscriptionModel, differences: Sequence[str]) -> None:
        super().__init__(
            f'Discrepancy found (subscription {subscription.subscription_id}, "{subscription.description}"): '
            f"{'; '.join(differences)}; fix the cause, then validate again"
        )


def require_same(wanted: Mapping[str, object], found: M | None, system: str) -> M:
    """Return the record of an external system; require that it has these values.

    Args:
        wanted: the values that the step was to bring about.
        system: the name of the external system.
        found: the record; `None` if there is none.

    Raises:
        NothingToAdopt: when there is no record, or when it differs.
    """
    if found is None:
        raise NothingToAdopt(compare(wanted, None, system))
    has = found.model_dump()
    differences = [
        f"{name} is {has.get(name)!r} in the {system}, and was to be {value!r}"
        for name, value in wanted.items()
        if value != has.get(name)
    ]
    if differences:
        raise NothingToAdopt(differences)
    return found


def require_gone(found: object | None, system: str) -> None:
    """Require that an external system has no record.

    Raises:
        NothingToAdopt: when it still has one.
    """
    if found is not None:
        raise NothingToAdopt((f"the {system} still has a record of it",))


def compare(
    subscription: Mapping[str, object], found: Mapping[str, object] | None, system: str
) -> tuple[str, ...]:
    """Return a sentence for each resource type that differs.

    Args:
        subscription: the values of the subscription.
        found: the values in the external system; `None` if it has no record.
        system: the name of the external system.
    """
    if found is None:
        return (f"the {system} has no record of it",)
    return tuple(
        f"{name} is {value!r} in the subscription and {found.get(name)!r} in the {system}"
        for name, value in subscription.items()
        if value != found.get(name)
    )
