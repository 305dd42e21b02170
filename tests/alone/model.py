"""The expected state of groups and users: a plain Python model, written from docs/design.md."""

from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from orchestrator.domain.process import Target

Kind = Literal["group", "user"]
Values = dict[str, object]


@dataclass
class Known:
    """The expected state of a subscription."""

    subscription_id: UUID
    kind: Kind
    values: Values
    """A group has `group_name`; a user has `username`, `age`, `affiliation`, `group`."""
    description: str
    status: str = "provisioning"
    version: int = 1
    held_by: str | None = None
    discrepancy_found_by: str | None = None
    depends_on: set[UUID] = field(default_factory=set)
    outside: Values | None = None
    """Values in the external system; the group of a user is the id of its subscription."""

    @property
    def insync(self) -> bool:
        return self.held_by is None and self.discrepancy_found_by is None


@dataclass
class Parked:
    """A parked process."""

    process_id: str
    target: Target
    subscription: Known
    wanted: Values
    before: Values
    description_before: str
    times: int = 1
    rolling_back: bool = False
    aborted: bool = False
    """Whether it was aborted, in time or too late; a second abort has no effect."""


@dataclass
class Model:
    """All subscriptions, all parked processes, the ends of processes, and the systems that reject."""

    subscriptions: dict[UUID, Known] = field(default_factory=dict)
    parked: list[Parked] = field(default_factory=list)
    ended: dict[str, str] = field(default_factory=dict)
    rejecting: set[Kind] = field(default_factory=set)

    def refusal(self, known: Known, target: Target, group: UUID | None = None) -> str | None:
        """Return the error type with which the gate refuses a process; `None` if it may start."""
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
        """Return the error type with which the gate refuses a user of this group; `None` if it allows one."""
        joined = self.subscriptions[group]
        if joined.kind != "group":
            return "WorkflowNotValid"
        if joined.status != "active":
            return "WrongStatus"
        return None if joined.insync else "RelatedSubscriptionOutOfSync"

    def users_of(self, group: Known) -> list[Known]:
        """Return the users who are in the group, joining it or leaving it."""
        return [one for one in self.subscriptions.values() if group.subscription_id in one.depends_on]

    def describe(self, known: Known) -> str:
        """Return the description for the current values."""
        if known.kind == "group":
            return f"User Group {known.values['group_name']}"
        group = self.subscriptions[UUID(str(known.values["group"]))]
        return (
            f"User {known.values['username']} from group {group.values['group_name']} "
            f"({known.values['affiliation']})"
        )

    def provision(self, known: Known) -> None:
        """Apply a completed create."""
        known.status, known.held_by, known.outside = "active", None, dict(known.values)

    def change(self, known: Known, wanted: Values) -> None:
        """Apply a completed modify."""
        changed = known.values | wanted
        known.version += changed != known.values
        known.values, known.outside = changed, dict(changed)
        known.description, known.held_by = self.describe(known), None
        self.forget_other_groups(known)

    def remove(self, known: Known, *, aborted: bool = False) -> None:
        """Apply a completed terminate, or the completed roll-back of a create."""
        known.version += not aborted
        known.status, known.held_by, known.outside = "terminated", None, None

    def restore(self, process: Parked) -> None:
        """Apply the completed roll-back of a modify."""
        known = process.subscription
        known.values, known.outside = dict(process.before), dict(process.before)
        known.description, known.held_by = process.description_before, None
        self.forget_other_groups(known)

    def forget_other_groups(self, known: Known) -> None:
        """Remove a user from all groups but the current one."""
        if known.kind == "user":
            known.depends_on = {UUID(str(known.values["group"]))}
