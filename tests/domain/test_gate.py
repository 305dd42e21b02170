"""The gate: which process may start on which subscription, and how it is refused."""

from dataclasses import replace
from itertools import product
from uuid import uuid4

import pytest

from orchestrator.domain import gate
from orchestrator.domain.errors import GateRefusal
from orchestrator.domain.gate import Join, Related, Subject, judge, judge_joins
from orchestrator.domain.process import Target
from orchestrator.domain.subscription import Status, SubscriptionModel
from products.product_types.user_group import USER_GROUP, UserGroupInactive

TEXT = "This workflow cannot be started: "
EXPECTED = {
    gate.SubscriptionOutOfSync: TEXT + "Subscription already has a running process or task (subscription ",
    gate.WrongStatus: TEXT
    + "This subscription can not be modified because of the status it has (subscription ",
    gate.RelatedSubscriptionOutOfSync: TEXT
    + "This subscription can not be modified because some related subscriptions are not insync "
    + "(subscription ",
    gate.SubscriptionInUse: TEXT
    + "This subscription can not be modified as it is used in other subscriptions (subscription ",
}


def subscription(
    status: Status = Status.ACTIVE, *, held: bool = False, discrepancy: bool = False
) -> SubscriptionModel:
    virgin = UserGroupInactive.from_product_id(USER_GROUP, uuid4())
    reached: SubscriptionModel = virgin
    if status is not Status.INITIAL:
        reached = virgin.with_values(group_name="ops", group_id=7).with_status(Status.PROVISIONING)
    if status in (Status.ACTIVE, Status.TERMINATED):
        reached = reached.with_status(status)
    reached = reached.found_different("validate-1" if discrepancy else None)
    return reached.held("holder-1") if held else reached


def related(status: Status = Status.ACTIVE, *, held: bool = False, discrepancy: bool = False) -> Related:
    one = subscription(status, held=held, discrepancy=discrepancy)
    return Related(one.subscription_id, one.description, one.status, one.held_by, one.discrepancy_found_by)


def expected(
    status: Status, target: Target, *, held: bool, discrepancy: bool, related: str
) -> type[GateRefusal] | None:
    """Return the expected refusal, from the table in docs/design.md."""
    validates = target is Target.VALIDATE
    if held or (discrepancy and not validates):
        return gate.SubscriptionOutOfSync
    may_start = {Target.TERMINATE: set(Status) - {Status.TERMINATED}}.get(target, {Status.ACTIVE})
    if status not in may_start:
        return gate.WrongStatus
    if related.endswith(("out of sync", "discrepancy")) and not validates:
        return gate.RelatedSubscriptionOutOfSync
    if related.startswith(("user", "one user")) and target is Target.TERMINATE:
        return gate.SubscriptionInUse
    return None


RELATED = {
    "none": Subject(subscription()),
    "user in sync": Subject(subscription(), in_use_by=[related()]),
    "user out of sync": Subject(subscription(), in_use_by=[related(held=True)]),
    "user with a discrepancy": Subject(subscription(), in_use_by=[related(discrepancy=True)]),
    "one user of two out of sync": Subject(
        subscription(), in_use_by=[related(), related(Status.INITIAL, held=True)]
    ),
    "terminated user": Subject(subscription(), in_use_by=[related(Status.TERMINATED)]),
    "group in sync": Subject(subscription(), depends_on=[related()]),
    "group out of sync": Subject(subscription(), depends_on=[related(held=True)]),
    "group with a discrepancy": Subject(subscription(), depends_on=[related(discrepancy=True)]),
    "terminated group": Subject(subscription(), depends_on=[related(Status.TERMINATED)]),
}
TABLE = list(
    product(Status, [Target.MODIFY, Target.TERMINATE, Target.VALIDATE], [False, True], [False, True], RELATED)
)


@pytest.mark.parametrize(("status", "target", "held", "discrepancy", "related"), TABLE)
def test_the_gate_decides_as_the_table_says(
    status: Status, target: Target, held: bool, discrepancy: bool, related: str
) -> None:
    subject = replace(RELATED[related], subscription=subscription(status, held=held, discrepancy=discrepancy))
    refusal = expected(status, target, held=held, discrepancy=discrepancy, related=related)
    if refusal is None:
        judge(subject, target, "UserGroup", None)
        return
    with pytest.raises(GateRefusal) as refused:
        judge(subject, target, "UserGroup", None)
    assert type(refused.value) is refusal
    assert str(refused.value).startswith(EXPECTED[refusal])


def joining(joined: SubscriptionModel | None, product_type: str = "UserGroup") -> list[Join]:
    return [Join(uuid4(), product_type, joined)]


NO_GROUP_TO_JOIN = [
    (None, gate.SubscriptionNotFound),
    (subscription(Status.INITIAL), gate.WrongStatus),
    (subscription(Status.PROVISIONING, held=True), gate.WrongStatus),
    (subscription(Status.TERMINATED), gate.WrongStatus),
    (subscription(held=True), gate.RelatedSubscriptionOutOfSync),
    (subscription(discrepancy=True), gate.RelatedSubscriptionOutOfSync),
]


@pytest.mark.parametrize(("group", "refusal"), NO_GROUP_TO_JOIN)
def test_only_a_group_that_is_active_and_in_sync_can_be_joined(
    group: SubscriptionModel | None, refusal: type[GateRefusal]
) -> None:
    with pytest.raises(refusal):
        judge_joins(joining(group))
    with pytest.raises(refusal):
        judge(Subject(subscription(), joins=joining(group)), Target.MODIFY, "UserGroup", None)


def test_a_subscription_of_another_type_cannot_be_joined() -> None:
    with pytest.raises(gate.WorkflowNotValid):
        judge_joins(joining(subscription(), "Mailbox"))


def test_a_group_that_is_active_and_in_sync_can_be_joined() -> None:
    judge_joins(joining(subscription()))


def test_the_subscription_is_judged_before_the_group_it_joins() -> None:
    with pytest.raises(gate.SubscriptionOutOfSync):
        judge(Subject(subscription(held=True), joins=joining(None)), Target.MODIFY, "UserGroup", None)


def test_the_workflow_of_another_product_is_refused_first() -> None:
    with pytest.raises(gate.WorkflowNotValid, match="This workflow is not valid for this subscription"):
        judge(Subject(subscription(held=True)), Target.MODIFY, "User", 7)


def test_a_stale_version_is_refused_before_the_holder_is_judged() -> None:
    text = r"Stale data: given version \(7\) does not match the current version \(1\)"
    with pytest.raises(gate.StaleVersion, match=text):
        judge(Subject(subscription(held=True)), Target.MODIFY, "UserGroup", 7)


def test_the_refusal_names_the_holder() -> None:
    held = subscription(held=True)
    with pytest.raises(gate.SubscriptionOutOfSync) as refused:
        judge(Subject(held), Target.MODIFY, "UserGroup", None)
    assert f'(subscription {held.subscription_id}, "{held.description}"; held by holder-1). ' in str(
        refused.value
    )


ADVICE = [
    (Subject(subscription(held=True)), '"starter.py process holder-1" says which, and what to do'),
    (Subject(subscription(discrepancy=True)), "No process runs: that validation found that it differs"),
    (Subject(subscription(), depends_on=[related(discrepancy=True)]), "No process runs"),
    (Subject(subscription(Status.TERMINATED)), "To modify it, it must be active"),
    (
        Subject(subscription(), joins=joining(subscription(Status.TERMINATED))),
        "To join it, it must be active",
    ),
]


@pytest.mark.parametrize(("subject", "advice"), ADVICE)
def test_the_refusal_says_in_plain_words_what_to_do(subject: Subject, advice: str) -> None:
    with pytest.raises(GateRefusal) as refused:
        judge(subject, Target.MODIFY, "UserGroup", None)
    assert advice in str(refused.value)
