"""`validate --all` from the command line, on a database of its own."""

from uuid import UUID, uuid4

import pytest

from services.fake_group_management import FakeGroupManagement
from tests.starting import Starter


async def test_validate_all_counts_and_names_discrepancies(
    starter: Starter, groups: FakeGroupManagement
) -> None:
    created = (await starter("create", "user-group", "--group-name", "Here", "--json")).document
    subscription_id = created["subscription"]["subscription_id"]
    await groups.system.tamper(UUID(subscription_id), {"group_name": "There"})
    ended = await starter("validate", "--all", "--json")
    await groups.system.tamper(UUID(subscription_id), {"group_name": "Here"})
    again = await starter("validate", subscription_id, "--json")
    assert ended.code == 1
    assert list(ended.document) == ["total", "in_sync", "discrepancies", "refused", "failed"]
    assert ended.document["discrepancies"] == [subscription_id]
    assert (again.code, again.document["subscription"]["insync"]) == (0, True)


async def test_repeating_a_validation_of_all_starts_no_second_one(starter: Starter) -> None:
    process_id = f"validate-all-{uuid4()}"
    await starter("create", "user-group", "--group-name", "ops")
    first = await starter("validate", "--all", "--process-id", process_id, "--json")
    again = await starter("validate", "--all", "--process-id", process_id, "--json")
    told = await starter("validate", "--all", "--process-id", process_id)
    shown = await starter("process", process_id, "--json")
    assert (first.code, first.document["total"], first.document["in_sync"]) == (0, 1, 1)
    assert (again.code, again.document) == (1, first.document)
    assert f'Process "{process_id}" already exists' in told.stderr
    assert (shown.document["workflow"], shown.document["status"]) == ("validate_subscriptions", "completed")


async def test_validate_all_refuses_the_id_of_another_process(starter: Starter) -> None:
    created = await starter("create", "user-group", "--group-name", "ops", "--json")
    ended = await starter("validate", "--all", "--process-id", created.document["process_id"], "--json")
    assert (ended.code, ended.document["error"]["type"]) == (1, "ProcessAlreadyExists")


async def test_a_validation_of_all_has_its_totals(
    starter: Starter, groups: FakeGroupManagement, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over three pages, each of which lists in one attempt."""
    monkeypatch.setattr("orchestrator.operations.validation_activities.PAGE", 1)
    names = ("a", "b", "c")
    created = [(await starter("create", "user-group", "--group-name", name, "--json")) for name in names]
    different = created[1].document["subscription"]["subscription_id"]
    await groups.system.tamper(UUID(different), {"group_name": "other"})
    process_id = f"validate-all-{uuid4()}"
    ended = await starter("validate", "--all", "--process-id", process_id, "--json")
    shown = await starter("process", process_id, "--json")
    text = await starter("process", process_id)
    assert shown.document["totals"] == ended.document
    assert ended.document["discrepancies"] == [different]
    assert ended.document["total"] >= 3
    assert [step["attempts"] for step in shown.document["steps"]] == [1, 1]
    assert f"{ended.document['total']} validated: " in text.stdout
    assert "1 with discrepancies" in text.stdout
