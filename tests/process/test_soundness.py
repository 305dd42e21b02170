"""The steps of a workflow class are checked when the class is defined."""

import dataclasses

import pytest

from activities.user_group import UserGroupActivities
from orchestrator.domain.process import Target
from orchestrator.domain.subscription import Status
from orchestrator.process.frame import ProcessFrame
from orchestrator.process.messages import ModifyValues
from orchestrator.process.soundness import UnsoundProcess
from orchestrator.process.step import Step
from products.product_types.user import User
from workflows.steps import (
    call_external_system,
    create_subscription,
    resync,
    set_status,
    store_process_subscription,
)
from workflows.user.create_user import CreateUserForm

CALL = call_external_system("Provision user group", UserGroupActivities.provision_user_group)


def define(*sequence: Step, roll_back: tuple[Step, ...] = (resync(),), pivot: Step | None = None) -> None:
    """Define a workflow class with these steps."""
    members = {"target": Target.CREATE, "sequence": sequence, "roll_back": roll_back, "pivot": pivot}
    type("Defined", (ProcessFrame,), members)


def test_two_steps_with_one_key_are_refused() -> None:
    """The ledger would take the second for the first, and skip it."""
    with pytest.raises(UnsoundProcess, match=r'^Defined\.sequence: two steps have the key "set_status".*'):
        define(set_status(Status.ACTIVE), set_status(Status.TERMINATED), resync())


def test_one_activity_twice_is_fine_under_two_keys() -> None:
    define(set_status(Status.ACTIVE), set_status(Status.TERMINATED, key="end"), resync())


def test_two_steps_with_one_title_are_refused() -> None:
    """A parked process finds its step by the title when it continues as new."""
    again = dataclasses.replace(CALL, key="provision_again")
    with pytest.raises(UnsoundProcess, match='two steps have the title "Provision user group"'):
        define(CALL, again, resync())


@pytest.mark.parametrize("sequence", [(), (CALL,), (resync(), CALL)])
def test_a_sequence_must_end_with_an_unlock(sequence: tuple[Step, ...]) -> None:
    with pytest.raises(UnsoundProcess, match=r"Defined\.sequence: the last step must unlock"):
        define(*sequence)


def test_a_roll_back_must_end_with_an_unlock() -> None:
    with pytest.raises(UnsoundProcess, match=r"Defined\.roll_back: the last step must unlock"):
        define(CALL, resync(), roll_back=(CALL,))


def test_only_the_last_step_unlocks() -> None:
    first = dataclasses.replace(resync(), key="unlock", title="Unlock")
    with pytest.raises(UnsoundProcess, match="and no other step"):
        define(first, resync())


def test_the_pivot_must_be_a_step_of_the_sequence() -> None:
    with pytest.raises(UnsoundProcess, match=r'Defined\.pivot: "Provision user group" is not a step'):
        define(store_process_subscription(), resync(), pivot=CALL)


def test_a_typo_in_a_step_fails_the_type_check() -> None:
    """`make check` fails if mypy does not find these two typos: an unused `ignore` is an error."""
    create_subscription(User, CreateUserForm, lambda form: form.prodcut)  # type: ignore[attr-defined]
    Step.of(
        "Modify user group",
        UserGroupActivities.modify_user_group,
        lambda run, form: ModifyValues(run=run, values=form.valeus()),  # type: ignore[attr-defined]
    )
