"""A person leaves notes on subscriptions and processes, whatever their state; nothing else changes."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from orchestrator.database import notes
from orchestrator.database.connection import Pool, transaction
from orchestrator.database.notes import Note
from orchestrator.process.ledger import Moment
from orchestrator.process.messages import StepRun
from services.fake_group_management import FakeGroupManagement
from tests.mending import lost_holder, unlock
from tests.moments import Moments
from tests.processes import Processes
from tests.starting import Starter


def said(document: dict[str, object]) -> list[tuple[object, object]]:
    notes = document["notes"]
    assert isinstance(notes, list)
    return [(one["by"], one["note"]) for one in notes]


async def created(starter: Starter, name: str = "Noted") -> dict[str, object]:
    document = (await starter("create", "user-group", "--group-name", name, "--json")).document
    shown: dict[str, object] = document
    return shown


async def group(starter: Starter) -> str:
    subscription = (await created(starter))["subscription"]
    assert isinstance(subscription, dict)
    return str(subscription["subscription_id"])


async def test_a_note_is_the_newest_of_all_notes(starter: Starter) -> None:
    group_id = await group(starter)
    await starter("note", group_id, "moves in May", "--by", "alice")
    noted = await starter("note", group_id, "moves in June", "--by", "bob", "--json")
    shown = await starter("subscription", group_id)
    assert noted.document["note"] == "moves in June"
    assert said(noted.document) == [("bob", "moves in June"), ("alice", "moves in May")]
    assert "noted by bob: moves in June" in shown.stdout
    assert "noted by alice: moves in May" in shown.stdout


async def test_a_note_changes_nothing_else(starter: Starter) -> None:
    group_id = await group(starter)
    before = (await starter("subscription", group_id, "--json")).document
    after = (await starter("note", group_id, "x", "--json")).document
    changed = {name for name in after if before[name] != after[name]}
    assert changed == {"note", "notes"}


async def test_the_same_note_again_changes_nothing(starter: Starter) -> None:
    group_id = await group(starter)
    await starter("note", group_id, "x")
    again = await starter("note", group_id, "x")
    shown = await starter("subscription", group_id, "--json")
    assert "nothing was changed" in again.stderr
    assert len(shown.document["notes"]) == 1


async def test_a_cleared_note_stays_among_the_earlier_ones(starter: Starter) -> None:
    group_id = await group(starter)
    await starter("note", group_id, "x", "--by", "alice")
    cleared = await starter("note", group_id, "--clear", "--by", "bob", "--json")
    assert cleared.document["note"] is None
    assert said(cleared.document) == [("bob", None), ("alice", "x")]


async def test_a_note_on_a_process_is_in_its_trail(starter: Starter) -> None:
    process_id = str((await created(starter))["process_id"])
    noted = await starter("note", process_id, "ticket 1", "--by", "alice", "--json")
    again = await starter("note", process_id, "ticket 1", "--by", "alice", "--json")
    shown = await starter("process", process_id)
    assert [(one["event"], one["by"], one["reason"]) for one in noted.document["events"]] == [
        ("noted", "alice", "ticket 1")
    ]
    assert again.document["events"] == noted.document["events"]
    assert "noted by alice at resync: ticket 1" in shown.stdout


async def test_the_beginning_of_an_id_says_what_is_noted(starter: Starter) -> None:
    document = await created(starter)
    process_id = str(document["process_id"])
    subscription = document["subscription"]
    assert isinstance(subscription, dict)
    on_process = await starter("note", process_id.removeprefix("create_user_group-")[:13], "a", "--json")
    on_group = await starter("note", subscription["subscription_id"][:13], "b", "--json")
    assert on_process.document["process_id"] == process_id
    assert on_group.document["subscription_id"] == subscription["subscription_id"]


async def test_what_names_one_of_each_is_refused(starter: Starter) -> None:
    group_id = await group(starter)
    await starter("create", "user-group", "--group-name", "b", "--process-id", f"{group_id[:13]}-a-process")
    refused = await starter("note", group_id[:13], "x", "--json")
    whole = await starter("note", group_id, "x", "--json")
    assert (refused.code, refused.document["error"]["type"]) == (2, "AmbiguousId")
    assert whole.document["subscription_id"] == group_id


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (["nobody at all", "x"], 1, "fits no subscription and no process"),
        (["nobo", ""], 2, "text is empty"),
        (["nobo", "x" * 1001], 2, "at most 1000 characters"),
        (["nobo", "a\nb"], 2, "control character U+000A"),
        (["nobo"], 2, "Give either the text of the note, or --clear"),
        (["nobo", "x", "--clear"], 2, "Give either the text of the note, or --clear"),
    ],
)
async def test_a_note_that_cannot_be_is_refused(
    starter: Starter, arguments: list[str], code: int, complaint: str
) -> None:
    ended = await starter("note", *arguments)
    assert ended.code == code
    assert complaint in ended.stderr


async def test_the_note_of_a_process_cannot_be_cleared(starter: Starter) -> None:
    process_id = str((await created(starter))["process_id"])
    ended = await starter("note", process_id, "--clear")
    assert (ended.code, "stays in the trail" in ended.stderr) == (2, True)


async def test_what_is_held_terminated_or_lost_takes_notes(
    worker: None, starter: Starter, processes: Processes, groups: FakeGroupManagement
) -> None:
    ended = await processes.active_group("ended")
    await (await processes.start("terminate_user_group", ended)).result()
    handle, held = await lost_holder(processes, groups)
    for wanted in (str(ended), str(held), handle.id):
        assert (await starter("note", wanted, "x")).code == 0
    assert ((await processes.read(ended)).note, (await processes.read(held)).note) == ("x", "x")


async def leave(pool: Pool, subscription_id: UUID, text: str) -> None:
    async with transaction(pool) as connection:
        written = Note(by=None, note=text, at=datetime.now(UTC))
        await notes.note_subscription(connection, subscription_id, written)


@pytest.mark.parametrize("course", ["forward", "backward"])
async def test_a_note_survives_the_process_that_works_meanwhile(
    worker: None, processes: Processes, moments: Moments, course: str
) -> None:
    """Another note at every moment of every step: no step writes an older one back."""
    group_id = await processes.active_group("Before")
    left: list[str] = []
    found: list[str | None] = []

    async def act(run: StepRun, moment: Moment) -> None:
        if moment == "before the commit":
            return  # the step has locked the row, and a note waits for that
        if course == "backward" and (run.step, moment) == ("modify_user_group", "after the commit"):
            await processes.client.get_workflow_handle(run.process.process_id).cancel()
        found.append((await processes.read(group_id)).note)
        left.append(f"{run.step}, {moment}, {len(left)}")
        await leave(processes.pool, group_id, left[-1])

    moments.acts.append(act)
    handle = await processes.start("modify_user_group", group_id, group_name="After")
    await processes.until_closed(handle)
    moments.acts.clear()
    assert [*found, (await processes.read(group_id)).note] == [None, *left]
    assert {"unsync", "resync" if course == "forward" else "roll_back: resync"} <= {
        one.partition(",")[0] for one in left
    }


async def test_a_note_does_not_stop_a_set_in_sync(
    worker: None, processes: Processes, groups: FakeGroupManagement
) -> None:
    _, group_id = await lost_holder(processes, groups)

    async def tell(_: str, subscription_id: UUID, token: int) -> None:
        await leave(processes.pool, subscription_id, "meanwhile")

    await unlock(processes, [groups.system], group_id, tell)
    assert (await processes.read(group_id)).insync
    assert (await processes.read(group_id)).note == "meanwhile"
