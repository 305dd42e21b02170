"""The tables of `docs/design.md` say what the code does."""

import ast
import inspect
import re
from typing import get_type_hints

import pytest
from pydantic import BaseModel

from catalogue import registered_workflows, workflow_type, workflows
from cli import many
from cli.apply_command import Applied
from cli.bulk_documents import BulkDocument
from cli.doctor.examining import Examination
from cli.doctor.finding import Finding, Result
from cli.documents import Outcome, ProcessDocument, Report
from cli.dry_run import DryRun
from cli.status_command import Overview
from orchestrator.database.notes import Note
from orchestrator.domain import gate
from orchestrator.domain.changes import Change
from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.operations.clean_up import CleanedUp
from orchestrator.operations.import_orchestrator import ImportedProduct, ImportReport, RefusedImport
from orchestrator.operations.schedules import RegularSchedule
from orchestrator.process.frame import ProcessFrame
from orchestrator.temporal.history import StepLog
from products.product_types.user import User
from products.product_types.user_group import UserGroup
from settings import ROOT
from tests.docs.pages import Row, code, section, tables, texts

PAGE = ROOT / "docs" / "design.md"
WORKFLOWS = {workflow_type(definition): definition for definition in workflows()}

WITHOUT_RULES = {"Design", "Passing and final reasons", "The life of a process", "Not built, on purpose"}
RULES = sorted(set(re.findall(r"^##? (.*)$", PAGE.read_text(), re.MULTILINE)) - WITHOUT_RULES)


def table(heading: str, number: int = 0) -> list[Row]:
    """Return a table under a heading, without its head."""
    return tables(section(PAGE, heading))[number]


def columns(heading: str) -> list[str]:
    """Return the first column of the table under a heading: the fields of a document."""
    return [code(row[0])[0] for row in table(heading)]


def fields(model: type[BaseModel]) -> list[str]:
    """Return the fields of a model that its document has."""
    return [name for name, field in model.model_fields.items() if not field.exclude]


@pytest.mark.parametrize("row", table("Workflows and their steps"), ids=lambda row: code(row[0])[0])
def test_a_workflow_has_the_steps_that_the_page_says(row: Row) -> None:
    definition = WORKFLOWS[code(row[0])[0]]
    assert row[1].split("; ") == [step.title for step in definition.sequence]
    assert row[2].split("; ") == [step.title for step in definition.roll_back]


def test_the_generic_activities_are_those_that_the_page_says() -> None:
    told = [activity for row in table("Workflows and their steps", 1) for activity in code(row[1])]
    source = ast.parse((ROOT / "activities" / "subscriptions.py").read_text())
    (activities,) = (node for node in source.body if isinstance(node, ast.ClassDef))
    found = [node.name for node in activities.body if isinstance(node, ast.AsyncFunctionDef)]
    assert sorted(told) == sorted(found)


def test_the_gate_judges_in_the_order_of_the_table() -> None:
    raised = re.findall(r"raise (\w+)\(", inspect.getsource(gate.judge))
    assert [code(row[1])[0] for row in table("The in-sync gate")] == ["SubscriptionNotFound", *raised]


@pytest.mark.parametrize("row", table("The in-sync gate"), ids=lambda row: code(row[1])[0])
def test_the_gate_refuses_with_the_text_of_the_table(row: Row) -> None:
    refusal = ast.parse(inspect.getsource(getattr(gate, code(row[1])[0])))
    text = code(row[2])[0].removeprefix(gate.CANNOT_BE_STARTED)
    for part in re.split("[XY]", text):
        assert any(part in said for said in texts(refusal))


def test_the_statuses_of_a_process_are_all_on_the_page() -> None:
    told = [code(row[0])[0] for row in table("Subscriptions and processes")]
    assert sorted(told) == sorted(ProcessStatus)


@pytest.mark.parametrize("row", table("Input and process ids"), ids=lambda row: row[0])
def test_a_form_has_the_fields_that_the_page_says(row: Row) -> None:
    forms = {workflow_type(one): get_type_hints(one.run)["form"] for one in registered_workflows()}  # type: ignore[attr-defined]  # every workflow has it
    told = {field.strip("?"): field.endswith("?") for field in code(row[1])}
    for workflow in code(row[0]):
        fields_of = forms[workflow].model_fields.items()
        assert told == {name: not field.is_required() for name, field in fields_of}


def test_the_fields_of_an_outcome_are_on_the_page() -> None:
    assert columns("An outcome") == fields(Outcome)


def test_the_fields_of_a_subscription_are_on_the_page() -> None:
    own = fields(SubscriptionModel)
    blocks = [UserGroup.block_name, User.block_name]
    assert columns("A subscription") == [*own, *blocks, "in_use_by", "depends_on", "notes"]


def test_the_fields_of_a_process_are_on_the_page() -> None:
    assert columns("A process") == fields(ProcessDocument)


def test_the_fields_of_a_step_are_on_the_page() -> None:
    assert columns("A step") == fields(StepLog)


def test_the_fields_of_a_change_are_on_the_page() -> None:
    assert columns("A change") == fields(Change)


def test_the_fields_of_a_dry_run_are_on_the_page() -> None:
    assert columns("A dry run") == fields(DryRun)


def test_the_fields_of_a_note_are_on_the_page() -> None:
    assert columns("A note") == fields(Note)


def test_the_totals_of_a_validation_of_all_are_on_the_page() -> None:
    assert columns("Totals") == fields(Report)


def test_the_fields_of_an_overview_are_on_the_page() -> None:
    assert columns("An overview") == fields(Overview)


def test_the_fields_of_an_examination_are_on_the_page() -> None:
    assert columns("An examination") == fields(Examination)
    (of_a_check,) = (code(row[1]) for row in table("An examination") if "`checks`" in row[0])
    assert [name for name in of_a_check if name in fields(Finding)] == fields(Finding)
    assert [name for name in of_a_check if name in set(Result)] == list(Result)


def test_the_fields_of_a_report_are_on_the_page() -> None:
    assert columns("A report") == fields(many.Report)


def test_the_fields_of_an_import_are_on_the_page() -> None:
    assert columns("An import") == fields(ImportReport)
    assert code(table("An import")[1][1]) == fields(ImportedProduct)
    assert code(table("An import")[4][1]) == fields(RefusedImport)


def test_the_fields_of_a_plan_are_on_the_page() -> None:
    told = [field for row in table("A plan") for field in code(row[0])]
    assert told == fields(Applied)


def test_the_fields_of_a_bulk_are_on_the_page() -> None:
    assert columns("A bulk") == fields(BulkDocument)


def test_the_fields_of_a_schedule_are_on_the_page() -> None:
    assert columns("A schedule") == fields(RegularSchedule)


def test_the_fields_of_what_was_cleaned_up_are_on_the_page() -> None:
    assert columns("What was cleaned up") == fields(CleanedUp)


@pytest.mark.parametrize("heading", RULES)
def test_every_rule_names_its_code_and_its_test(heading: str) -> None:
    """That the named code and tests exist is shown in `test_links.py`."""
    text = section(PAGE, heading)
    assert re.search(r"\]\(\.\./(orchestrator|activities|services|cli|workflows)/", text)
    assert re.search(r"\[`test_\w+`\]\(\.\./tests/", text)


def test_only_the_workflows_that_the_page_names_have_a_pivot() -> None:
    with_pivot = {name.partition("_")[0] for name, one in WORKFLOWS.items() if pivot(one) is not None}
    told = {code(row[0])[0].partition("_")[0] for row in table("Abort and roll-back") if "*" in row[1]}
    assert with_pivot == told == {"terminate"}


def pivot(definition: type[ProcessFrame]) -> object:
    return getattr(definition, "pivot", getattr(definition, "no_way_back", None))
