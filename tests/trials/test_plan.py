"""A seed always plans the same faults, and the plan has every kind of fault."""

from random import Random

import pytest

from trials.faults import WEIGHTS, plan


@pytest.mark.parametrize("faults", [12, 60, 75])
def test_every_kind_of_fault_comes_at_least_once(faults: int) -> None:
    planned = plan(Random(7), 600, faults)
    assert len(planned) == faults
    assert {fault.kind for fault in planned} == set(WEIGHTS)


def test_the_same_seed_plans_the_same() -> None:
    assert plan(Random("plan 7"), 600, 75) == plan(Random("plan 7"), 600, 75)
    assert plan(Random("plan 7"), 600, 75) != plan(Random("plan 8"), 600, 75)


def test_faults_come_in_order_and_leave_time_to_recover() -> None:
    moments = [fault.at for fault in plan(Random(7), 600, 75)]
    assert moments == sorted(moments)
    assert 0 < moments[0] < moments[-1] < 600 * 0.91
