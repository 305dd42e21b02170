"""Compare a subscription with the record of an external system."""

from collections.abc import Mapping, Sequence

from orchestrator.domain.errors import DomainError
from orchestrator.domain.subscription import SubscriptionModel


class DiscrepancyFound(DomainError):
    """A validation found differences to an external system; the subscription stays out of sync."""

    def __init__(self, subscription: SubscriptionModel, differences: Sequence[str]) -> None:
        super().__init__(
            f'Discrepancy found (subscription {subscription.subscription_id}, "{subscription.description}"): '
            f"{'; '.join(differences)}; fix the cause, then validate again"
        )


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
