"""What must be true of groups and users, in plain Python: written from the design, not from the code."""

from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from orchestrator.domain.process import Target

Kind = Literal["group", "user"]
Values = dict[str, object]


@dataclass
class Known:
    """A subscription as it must be."""

    subscription_id: UUID
    kind: Kind
    values: Values
    """Of a group `group_name`; of a user `username`, `age`, `affiliation`, `group`."""
    description: str
    status: str = "provisioning"
    version: int = 1
    held_by: str | None = None
    discrepancy_found_by: str | None = None
    depends_on: set[UUID] = field(default_factory=set)
    outside: Values | None = None
    """What the external system has of it, with the group of a user as this subscription's id."""

    @property
    def insync(self) -> bool:
        return self.held_by is None and self.discrepancy_found_by is None


@dataclass
class Parked:
    """A process that waits for somebody."""

    process_id: str
    target: Target
    subscription: Known
    wanted: Values
    before: Values
    description_before: str
    times: int = 1
    rolling_back: bool = False
    aborted: bool = False
    """Whether it was aborted, in time or too late: a second abort would have no effect."""


@dataclass
class Model:
    """All subscriptions, all parked processes, how processes have ended, and which systems say no."""

    subscriptions: dict[UUID, Known] = field(default_factory=dict)
    parked: list[Parked] = field(default_factory=list)
    ended: dict[str, str] = field(default_factory=dict)
    rejecting: set[Kind] = field(default_factory=set)

    def refusal(self, known: Known, target: Target, group: UUID | None = None) -> str | None:
        """Return the type with which the gate refuses a process; `None` where it lets it start."""
        validates = target is Target.VALIDATE
        if known.held_by or (known.discrepancy_found_by and not validates):
            return "SubscriptionOutOfSync"
        startable = {"initial", "provisioning", "active"} if target is Target.TERMINATE else {"active"}
        if known.status not in startable:
            return "WrongStatus"
        users = [one for one in self.users_of(known) if one.status != "terminated"]
        groups = [self.subscriptions[one] for one in known.depends_on]
        related = [*users, *(one for one in groups if one.status != "terminated")]
        if not validates and not all(one.insync for one in related):
            return "RelatedSubscriptionOutOfSync"
        if target is Target.TERMINATE and users:
            return "SubscriptionInUse"
        return None if group is None else self.refusal_to_join(group)

    def refusal_to_join(self, group: UUID) -> str | None:
        """Return the type with which the gate refuses that a user joins this group."""
        joined = self.subscriptions[group]
        if joined.kind != "group":
            return "WorkflowNotValid"
        if joined.status != "active":
            return "WrongStatus"
        return None if joined.insync else "RelatedSubscriptionOutOfSync"

    def users_of(self, group: Known) -> list[Known]:
        """Return the users who are in the group, or on the way into it or out of it."""
        return [one for one in self.subscriptions.values() if group.subscription_id in one.depends_on]

    def describe(self, known: Known) -> str:
        """Return the description that fits the present values."""
        if known.kind == "group":
            return f"User Group {known.values['group_name']}"
        group = self.subscriptions[UUID(str(known.values["group"]))]
        return (
            f"User {known.values['username']} from group {group.values['group_name']} "
            f"({known.values['affiliation']})"
        )

    def provision(self, known: Known) -> None:
        """Say that a create has come to its end."""
        known.status, known.held_by, known.outside = "active", None, dict(known.values)

    def change(self, known: Known, wanted: Values) -> None:
        """Say that a modify has come to its end."""
        changed = known.values | wanted
        known.version += changed != known.values
        known.values, known.outside = changed, dict(changed)
        known.description, known.held_by = self.describe(known), None
        self.forget_other_groups(known)

    def remove(self, known: Known, *, aborted: bool = False) -> None:
        """Say that a terminate, or the roll-back of a create, has come to its end."""
        known.version += not aborted
        known.status, known.held_by, known.outside = "terminated", None, None

    def restore(self, process: Parked) -> None:
        """Say that the roll-back of a modify has come to its end."""
        known = process.subscription
        known.values, known.outside = dict(process.before), dict(process.before)
        known.description, known.held_by = process.description_before, None
        self.forget_other_groups(known)

    def forget_other_groups(self, known: Known) -> None:
        """Say that a user is in the one group only."""
        if known.kind == "user":
            known.depends_on = {UUID(str(known.values["group"]))}
