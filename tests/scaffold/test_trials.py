"""The trials include an added product, because they read the catalogue."""

from dataclasses import replace
from pathlib import Path

from tests.scaffold.project import Project

TRIAL = Path(__file__).parent / "trial.py"


# Alone in its file, so that its database is empty: the audit would report what other tests did.
async def test_the_chaos_run_and_its_audit_include_letter_boxes(project: Project) -> None:
    trial = replace(project.starter, beginning=("-c", TRIAL.read_text()))
    ended = await trial()
    assert ended.code == 0, ended.stderr
    assert ended.document["workflows"] == [
        "create_letter_box", "modify_letter_box", "terminate_letter_box", "validate_letter_box",
    ]  # fmt: skip
    assert ended.document["subscriptions"] > 0
    assert ended.document["findings"] == []
