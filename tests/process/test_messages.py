"""What travels between workflow and activities stays readable for older and newer releases."""

import pytest
from pydantic_core import from_json, to_json

from orchestrator.domain.process import Course
from orchestrator.process.messages import BeginRollBack, RollBackBegun, StepRun
from tests.examples import START, new_process

FLAGS = {
    Course.FORWARD: {"rolling_back": False, "heeds_abort": True},
    Course.FORWARD_ONLY: {"rolling_back": False, "heeds_abort": False},
    Course.BACKWARD: {"rolling_back": True, "heeds_abort": False},
}
"""The course as the first release wrote it."""


def run(course: Course) -> StepRun:
    return StepRun(process=new_process(), step="resync", at=START, course=course)


@pytest.mark.parametrize("course", Course)
def test_the_course_travels_as_two_flags(course: Course) -> None:
    """A worker of the first release refuses fields that it does not know."""
    fields = from_json(to_json(run(course)))
    assert fields.keys() == {"process", "step", "at", "rolling_back", "heeds_abort"}
    assert fields.items() >= FLAGS[course].items()


@pytest.mark.parametrize("course", Course)
def test_the_course_is_read_back(course: Course) -> None:
    assert StepRun.model_validate_json(to_json(run(course))).course is course


def test_a_step_without_flags_goes_forward_only() -> None:
    fields = {"process": new_process().model_dump(), "step": "resync", "at": START}
    assert StepRun.model_validate(fields).course is Course.FORWARD_ONLY


def test_the_pivot_travels_under_its_first_name() -> None:
    begin = BeginRollBack(run=run(Course.FORWARD_ONLY), last_step="resync", from_pivot=("a",), reason=None)
    begun = RollBackBegun(completed=None, held=True, past_pivot=True)
    assert from_json(to_json(begin))["no_way_back"] == ["a"]
    assert from_json(to_json(begun))["no_way_back"] is True
    assert RollBackBegun.model_validate_json(to_json(begun)) == begun
    assert BeginRollBack.model_validate_json(to_json(begin)) == begin
