"""The in-sync gate: which process may start on a subscription; judged by the starter and the process."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from orchestrator.domain.errors import GateRefusal
from orchestrator.domain.process import Target
from orchestrator.domain.subscription import Status, SubscriptionModel

CANNOT_BE_STARTED = "This workflow cannot be started: "

_NAMED = 3
"""So many of those that stand in the way are named."""

STARTS_FROM = {
    Target.MODIFY: frozenset({Status.ACTIVE}),
    Target.VALIDATE: frozenset({Status.ACTIVE}),
    Target.TERMINATE: frozenset({Status.INITIAL, Status.PROVISIONING, Status.ACTIVE}),
}
"""The states from which a process with this target can start."""


@dataclass(frozen=True)
class Related:
    """What the gate must know of a related subscription: there may be very many of them."""

    subscription_id: UUID
    description: str
    status: Status
    held_by: str | None
    discrepancy_found_by: str | None

    @property
    def insync(self) -> bool:
        """Whether nothing holds it and no discrepancy is known."""
        return self.held_by is None and self.discrepancy_found_by is None


class SubscriptionNotFound(GateRefusal):
    """There is no subscription with this id."""

    def __init__(self, subscription_id: UUID) -> None:
        super().__init__(f"Subscription not found (subscription {subscription_id})")


class WorkflowNotValid(GateRefusal):
    """The workflow belongs to another product."""

    def __init__(self, subscription: SubscriptionModel) -> None:
        super().__init__(
            f"This workflow is not valid for this subscription{_which(subscription)}, "
            f"which is on product {subscription.product.name}"
        )


class StaleVersion(GateRefusal):
    """Somebody has changed the subscription since its version was read."""

    def __init__(self, subscription: SubscriptionModel, given: int) -> None:
        super().__init__(
            f"Stale data: given version ({given}) does not match the current version ({subscription.version})"
            f"{_which(subscription)}; read it again"
        )


class SubscriptionOutOfSync(GateRefusal):
    """A process works on the subscription or is parked on it, or a discrepancy is known."""

    def __init__(self, subscription: SubscriptionModel) -> None:
        super().__init__(
            f"{CANNOT_BE_STARTED}Subscription already has a running process or task{_which(subscription)}"
        )


class WrongStatus(GateRefusal):
    """The subscription is in a lifecycle state from which the process cannot start."""

    def __init__(self, subscription: SubscriptionModel) -> None:
        super().__init__(
            f"{CANNOT_BE_STARTED}This subscription can not be modified because of the status it has"
            f"{_which(subscription)}, {subscription.status}"
        )


class RelatedSubscriptionOutOfSync(GateRefusal):
    """A subscription that it depends on, or that depends on it, is out of sync."""

    def __init__(self, related: SubscriptionModel | Related) -> None:
        super().__init__(
            f"{CANNOT_BE_STARTED}This subscription can not be modified because some related subscriptions "
            f"are not insync{_which(related)}"
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
    """A subscription that another is about to depend on: the group that a user is to be in."""

    subscription_id: UUID
    product_type: str
    """That it must be of."""
    subscription: SubscriptionModel | None
    """`None` where there is none."""


@dataclass(frozen=True)
class Subject:
    """What the gate looks at: a subscription, and those that it is related to."""

    subscription: SubscriptionModel
    in_use_by: Sequence[Related] = ()
    depends_on: Sequence[Related] = ()
    joins: Sequence[Join] = ()


def judge(subject: Subject, target: Target, product_type: str, version: int | None) -> None:
    """Do nothing where a process may start on the subscription.

    Args:
        target: of the workflow.
        product_type: that the workflow is for.
        version: that the form was filled in for; `None` means whichever it has.

    Raises:
        GateRefusal: the first refusal that applies, in the order of the design.
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
        raise WrongStatus(subscription)
    users = [user for user in subject.in_use_by if user.status is not Status.TERMINATED]
    related = [*users, *(one for one in subject.depends_on if one.status is not Status.TERMINATED)]
    out_of_sync = [one for one in related if not one.insync]
    if out_of_sync and not validates:
        raise RelatedSubscriptionOutOfSync(out_of_sync[0])
    if users and target is Target.TERMINATE:
        raise SubscriptionInUse(subscription, users)
    judge_joins(subject.joins)


def judge_joins(joins: Sequence[Join]) -> None:
    """Do nothing where a subscription may come to depend on these: they are active and in sync.

    Raises:
        GateRefusal: the first refusal that applies.
    """
    for join in joins:
        joined = join.subscription
        if joined is None:
            raise SubscriptionNotFound(join.subscription_id)
        if joined.product.type != join.product_type:
            raise WorkflowNotValid(joined)
        if joined.status is not Status.ACTIVE:
            raise WrongStatus(joined)
        if not joined.insync:
            raise RelatedSubscriptionOutOfSync(joined)


def _which(subscription: SubscriptionModel | Related) -> str:
    held = ""
    if subscription.held_by is not None:
        held = f"; held by {subscription.held_by}"
    elif subscription.discrepancy_found_by is not None:
        held = f"; discrepancy found by {subscription.discrepancy_found_by}"
    return f' (subscription {subscription.subscription_id}, "{subscription.description}"{held})'
