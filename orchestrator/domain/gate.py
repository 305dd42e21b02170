"""The in-sync gate: which process may start on a subscription. The starter and the process both ask it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from orchestrator.domain.errors import GateRefusal
from orchestrator.domain.process import Target
from orchestrator.domain.subscription import Status, SubscriptionModel

CANNOT_BE_STARTED = "This workflow cannot be started: "

_NAMED = 3
"""Number of subscriptions that a refusal names."""

STARTS_FROM = {
    Target.MODIFY: frozenset({Status.ACTIVE}),
    Target.VALIDATE: frozenset({Status.ACTIVE}),
    Target.TERMINATE: frozenset({Status.INITIAL, Status.PROVISIONING, Status.ACTIVE}),
}
"""The states from which a process with this target can start."""


@dataclass(frozen=True)
class Related:
    """The few values of a related subscription that the gate needs: there may be very many of them."""

    subscription_id: UUID
    description: str
    status: Status
    held_by: str | None
    discrepancy_found_by: str | None

    @property
    def insync(self) -> bool:
        """Whether no process holds it and no discrepancy is known."""
        return self.held_by is None and self.discrepancy_found_by is None


class SubscriptionNotFound(GateRefusal):
    """There is no subscription with this id."""

    def __init__(self, subscription_id: UUID | str) -> None:
        """Create the refusal.

        Args:
            subscription_id: its id, or what a person typed instead.
        """
        super().__init__(f"Subscription not found (subscription {subscription_id})")


class WorkflowNotValid(GateRefusal):
    """The workflow belongs to another product."""

    def __init__(self, subscription: SubscriptionModel) -> None:
        super().__init__(
            f"This workflow is not valid for this subscription{_which(subscription)}, "
            f"which is on product {subscription.product.name}"
        )


class StaleVersion(GateRefusal):
    """The subscription has changed since the caller read its version."""

    def __init__(self, subscription: SubscriptionModel, given: int) -> None:
        super().__init__(
            f"Stale data: given version ({given}) does not match the current version ({subscription.version})"
            f"{_which(subscription)}; read it again"
        )


class SubscriptionOutOfSync(GateRefusal):
    """A process works on the subscription or is parked on it, or a discrepancy is known."""

    def __init__(self, subscription: SubscriptionModel) -> None:
        super().__init__(
            f"{CANNOT_BE_STARTED}Subscription already has a running process or task{_which(subscription)}. "
            f"{_why_out_of_sync(subscription)}"
        )


class WrongStatus(GateRefusal):
    """The subscription is in a lifecycle state from which the process cannot start."""

    def __init__(self, subscription: SubscriptionModel, allowed: Collection[Status], *, to: str) -> None:
        """Create the refusal.

        Args:
            allowed: the states from which the process can start.
            to: what the process would do: `modify`, `join`.
        """
        wanted = " or ".join(status for status in Status if status in allowed)
        super().__init__(
            f"{CANNOT_BE_STARTED}This subscription can not be modified because of the status it has"
            f"{_which(subscription)}, {subscription.status}. To {to} it, it must be {wanted}"
        )


class RelatedSubscriptionOutOfSync(GateRefusal):
    """A subscription that it depends on, or that depends on it, is out of sync."""

    def __init__(self, related: SubscriptionModel | Related) -> None:
        super().__init__(
            f"{CANNOT_BE_STARTED}This subscription can not be modified because some related subscriptions "
            f"are not insync{_which(related)}. {_why_out_of_sync(related)}"
        )


class SubscriptionInUse(GateRefusal):
    """Other subscriptions use the one that is to be terminated."""

    def __init__(self, subscription: SubscriptionModel, users: Sequence[Related]) -> None:
        named = ", ".join(f'{user.subscription_id} "{user.description}"' for user in users[:_NAMED])
        more = f" and {len(users) - _NAMED} more" if len(users) > _NAMED else ""
        super().__init__(
            f"{CANNOT_BE_STARTED}This subscription can not be modified as it is used in other subscriptions"
            f"{_which(subscription)}; terminate these first: {named}{more}"
        )


@dataclass(frozen=True)
class Join:
    """A subscription that another one is about to depend on."""

    subscription_id: UUID
    product_type: str
    """Required product type."""
    subscription: SubscriptionModel | None
    """`None` if there is none with this id."""


@dataclass(frozen=True)
class Subject:
    """What the gate judges: a subscription, its relations, and those that it is about to depend on."""

    subscription: SubscriptionModel
    in_use_by: Sequence[Related] = ()
    depends_on: Sequence[Related] = ()
    joins: Sequence[Join] = ()


def judge(subject: Subject, target: Target, product_type: str, version: int | None) -> None:
    """Raise the first refusal that applies; return if the process may start.

    Args:
        target: target of the workflow.
        product_type: product type of the workflow.
        version: version that the caller has read; `None` skips the check.

    Raises:
        GateRefusal: the first that applies, in the order of docs/design.md.
    """
    subscription = subject.subscription
    if subscription.product.type != product_type:
        raise WorkflowNotValid(subscription)
    if version is not None and version != subscription.version:
        raise StaleVersion(subscription, version)
    validates = target is Target.VALIDATE
    if subscription.held_by is not None or (subscription.discrepancy_found_by is not None and not validates):
        raise SubscriptionOutOfSync(subscription)
    if subscription.status not in STARTS_FROM[target]:
        raise WrongStatus(subscription, STARTS_FROM[target], to=target.value.lower())
    users = [user for user in subject.in_use_by if user.status is not Status.TERMINATED]
    related = [*users, *(one for one in subject.depends_on if one.status is not Status.TERMINATED)]
    out_of_sync = [one for one in related if not one.insync]
    if out_of_sync and not validates:
        raise RelatedSubscriptionOutOfSync(out_of_sync[0])
    if users and target is Target.TERMINATE:
        raise SubscriptionInUse(subscription, users)
    judge_joins(subject.joins)


def judge_joins(joins: Sequence[Join]) -> None:
    """Raise the first refusal that applies; return if all of these are active and in sync.

    Raises:
        GateRefusal: the first that applies.
    """
    for join in joins:
        joined = join.subscription
        if joined is None:
            raise SubscriptionNotFound(join.subscription_id)
        if joined.product.type != join.product_type:
            raise WorkflowNotValid(joined)
        if joined.status is not Status.ACTIVE:
            raise WrongStatus(joined, {Status.ACTIVE}, to="join")
        if not joined.insync:
            raise RelatedSubscriptionOutOfSync(joined)


def _why_out_of_sync(subscription: SubscriptionModel | Related) -> str:
    if subscription.held_by is not None:
        return (
            "That process works on it, is parked on it, or ended without unlocking it: "
            f'"starter.py process {subscription.held_by}" says which, and what to do'
        )
    return (
        "No process runs: that validation found that it differs from the external system. "
        f'Repair what differs, then "starter.py validate {subscription.subscription_id}"'
    )


def _which(subscription: SubscriptionModel | Related) -> str:
    held = ""
    if subscription.held_by is not None:
        held = f"; held by {subscription.held_by}"
    elif subscription.discrepancy_found_by is not None:
        held = f"; discrepancy found by {subscription.discrepancy_found_by}"
    return f' (subscription {subscription.subscription_id}, "{subscription.description}"{held})'
