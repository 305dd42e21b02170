"""Comparing a subscription with what an external system says."""

from collections.abc import Mapping, Sequence

from orchestrator.domain.errors import DomainError
from orchestrator.domain.subscription import SubscriptionModel


class DiscrepancyFound(DomainError):
    """A validation found that an external system says otherwise; the subscription stays out of sync."""

    def __init__(self, subscription: SubscriptionModel, differences: Sequence[str]) -> None:
        super().__init__(
            f'Discrepancy found (subscription {subscription.subscription_id}, "{subscription.description}"): '
            f"{'; '.join(differences)}; fix the cause, then validate again"
        )


def compare(
    subscription: Mapping[str, object], found: Mapping[str, object] | None, system: str
) -> tuple[str, ...]:
    """Return a sentence for each resource type that differs; none where they agree.

    Args:
        subscription: the values that the subscription has.
        found: what the external system has; `None` where it knows nothing.
        system: its name.
    """
    if found is None:
        return (f"the {system} has no record of it",)
    return tuple(
        f"{name} is {value!r} in the subscription and {found.get(name)!r} in the {system}"
        for name, value in subscription.items()
        if value != found.get(name)
    )
