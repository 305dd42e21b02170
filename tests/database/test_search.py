"""What the filters of the lists find, whether many rows fit or few."""

import asyncio
import string
from collections.abc import AsyncIterator
from datetime import datetime
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest

from orchestrator.database import notes, process_lists, processes, subscriptions
from orchestrator.database.connection import Pool, open_pool, transaction
from orchestrator.database.filters import ProcessFilter, SubscriptionFilter, prefixes, query
from orchestrator.database.notes import Note
from orchestrator.database.process_lists import FailedKind
from orchestrator.database.processes import TrailEvent
from orchestrator.domain.errors import InvalidInput
from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.subscription import Status
from products.product_types.user_group import USER_GROUP
from tests.conftest import new_database
from tests.examples import MINUTE, START, new_process, new_subscription


@pytest.fixture
async def own(postgres: str, prepared: str) -> AsyncIterator[Pool]:
    """A migrated database of its own."""
    async with await open_pool(await new_database(postgres, prepared)) as pool:
        yield pool


@pytest.fixture(params=[10_000, 0], ids=["many fit", "few fit"], autouse=True)
def walked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Find rows by walking through the newest ones, and by asking the indexes."""
    monkeypatch.setattr("orchestrator.database.filters.GLANCED", request.param)


async def store(pool: Pool, number: int, name: str, *, held_by: str | None = None, **fields: object) -> UUID:
    """Store a group that was created this many minutes after the start."""
    made = new_subscription(held_by).with_values(group_name=name).model_copy(update=fields)
    async with pool.acquire() as connection:
        await subscriptions.insert_subscription(connection, USER_GROUP, made, START + number * MINUTE)
        await subscriptions.update_subscription(connection, made)
    return made.subscription_id


async def register(pool: Pool, number: int, **fields: object) -> str:
    """Store the trail row of a process that was started this many minutes after the start."""
    process = new_process(START + number * MINUTE).model_copy(update=fields)
    async with pool.acquire() as connection:
        await processes.register_process(connection, process)
    return process.process_id


async def found(
    pool: Pool,
    fitting: SubscriptionFilter,
    *,
    status: Status | None = None,
    limit: int = 50,
    after: UUID | None = None,
) -> list[UUID]:
    async with pool.acquire() as connection:
        listed = await subscriptions.list_subscriptions(
            connection, status=status, fitting=fitting, limit=limit, after=after
        )
    return [one.subscription_id for one in listed]


async def found_processes(
    pool: Pool,
    fitting: ProcessFilter,
    *,
    status: ProcessStatus | FailedKind | None = None,
    limit: int = 50,
    after: str | None = None,
) -> list[str]:
    async with pool.acquire() as connection:
        listed = await process_lists.list_processes(
            connection, status=status, fitting=fitting, limit=limit, after=after
        )
    return [one.process_id for one in listed]


async def fail(pool: Pool, process_id: str, reason: str, ended_at: datetime | None = None) -> None:
    async with pool.acquire() as connection:
        await processes.set_process_status(
            connection, process_id, ProcessStatus.FAILED, failed_reason=reason, ended_at=ended_at
        )


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("secur", ["Security-team, south", "Security (north)"]),
        ("TEAM", ["Security-team, south"]),
        ("sou sec", ["Security-team, south"]),
        ("'Security", ["Security-team, south", "Security (north)"]),
        ("name", []),
        ("ecurity", []),
        ("security operators", []),
        ("rack 42", ["operators"]),
    ],
)
async def test_each_word_begins_a_word_of_a_subscription(own: Pool, text: str, names: list[str]) -> None:
    """Of its values or its note; the names of values are no words of it."""
    stored = {
        await store(own, 0, "Security (north)"): "Security (north)",
        await store(own, 1, "Security-team, south"): "Security-team, south",
        await store(own, 2, "operators"): "operators",
    }
    *_, operators = stored
    async with transaction(own) as connection:
        await notes.note_subscription(connection, operators, Note(by=None, note="see rack/42", at=START))
    assert [stored[one] for one in await found(own, SubscriptionFilter(search=text))] == names


async def test_a_description_is_searched(own: Pool) -> None:
    stored = await store(own, 0, "ops", description="User Group ops")
    assert await found(own, SubscriptionFilter(search="gro us")) == [stored]


async def test_a_changed_subscription_is_found_by_its_new_words(own: Pool) -> None:
    stored = await store(own, 0, "before")
    async with own.acquire() as connection:
        [one] = await subscriptions.list_subscriptions(connection)
        await subscriptions.update_subscription(connection, one.with_values(group_name="after"))
    assert await found(own, SubscriptionFilter(search="before")) == []
    assert await found(own, SubscriptionFilter(search="after")) == [stored]


async def test_subscriptions_are_found_by_customer_holder_and_time(own: Pool) -> None:
    customer, holder = uuid4(), await register(own, 0)
    first = await store(own, 0, "a", customer_id=customer)
    second = await store(own, 1, "b", held_by=holder)
    third = await store(own, 2, "c", customer_id=customer)
    assert await found(own, SubscriptionFilter(customer_id=customer)) == [third, first]
    assert await found(own, SubscriptionFilter(held_by=holder)) == [second]
    assert await found(own, SubscriptionFilter(since=START + MINUTE)) == [third, second]
    assert await found(own, SubscriptionFilter(customer_id=customer, since=START + MINUTE)) == [third]
    assert await found(own, SubscriptionFilter(customer_id=customer, held_by=holder)) == []


async def test_filters_of_subscriptions_combine_and_page(own: Pool) -> None:
    stored = [await store(own, number // 2, "ops") for number in range(5)]
    newest_first = await found(own, wanted := SubscriptionFilter(search="ops"))
    pages = [await found(own, wanted, limit=1, after=after) for after in (None, *newest_first)]
    assert sorted(newest_first) == sorted(stored)
    assert pages == [[one] for one in newest_first] + [[]]
    assert await found(own, wanted, status=Status.INITIAL, limit=2) == newest_first[:2]
    assert await found(own, wanted, status=Status.ACTIVE) == []
    assert await found(own, wanted, after=uuid4()) == []


async def test_each_word_begins_a_word_of_a_process(own: Pool) -> None:
    wanted = await register(own, 0, process_id="ticket-4711", by="Bob Smith", reason="new/team")
    await register(own, 1)
    for text in ("4711", "smi bo", "tea", "create group", "ticket-47"):
        assert wanted in await found_processes(own, ProcessFilter(search=text)), text
    for text in ("711", "bob alice", "mith"):
        assert wanted not in await found_processes(own, ProcessFilter(search=text)), text


async def test_a_process_is_found_by_its_random_id(own: Pool) -> None:
    wanted = await register(own, 0)
    await register(own, 1)
    random = wanted.removeprefix("create_user_group-")
    for text in (wanted, random, random[:8], random[:5]):
        assert await found_processes(own, ProcessFilter(search=text)) == [wanted]


async def test_the_reasons_of_events_and_failures_are_searched(own: Pool) -> None:
    """All words are in one event, or all are in the row of the process."""
    failed, noted = await register(own, 0), await register(own, 1)
    await fail(own, failed, "group_management rejects 'Security'")
    event = TrailEvent(event="retried", step=None, by="bob", reason="the name was freed", at=START)
    async with own.acquire() as connection:
        await processes.append_event(connection, noted, event)
    assert await found_processes(own, ProcessFilter(search="reject secur")) == [failed]
    assert await found_processes(own, ProcessFilter(search="name freed")) == [noted]
    assert await found_processes(own, ProcessFilter(search="freed alice")) == []


async def test_processes_are_found_by_who_started_them_and_when(own: Pool) -> None:
    first, second = await register(own, 0, by="bob"), await register(own, 1, by="bob smith")
    third = await register(own, 2, workflow="validate_user_group")
    assert await found_processes(own, ProcessFilter(created_by="bob")) == [first]
    assert await found_processes(own, ProcessFilter(workflow="validate_user_group")) == [third]
    assert await found_processes(own, ProcessFilter(since=START + MINUTE)) == [third, second]
    assert await found_processes(own, ProcessFilter(since=START + MINUTE, created_by="bob")) == []


async def test_processes_are_found_by_the_step_they_came_to(own: Pool) -> None:
    running, failed, other = [await register(own, number) for number in range(3)]
    async with own.acquire() as connection:
        for process_id, step in ((running, "provision"), (failed, "provision"), (other, "resync")):
            await processes.note_step(connection, process_id, step)
    await fail(own, failed, "rejected")
    assert await found_processes(own, ProcessFilter(step="provision")) == [failed, running]
    assert await found_processes(own, ProcessFilter(step="prov")) == []


async def test_processes_are_found_by_a_part_of_their_reason(own: Pool) -> None:
    parked, ended = await register(own, 0), await register(own, 1)
    await register(own, 2, reason="it rejects 'Security'")
    await fail(own, parked, "it rejects 'Security'")
    await fail(own, ended, "it rejects 'Security team'", ended_at=START)
    assert await found_processes(own, ProcessFilter(because="rejects 'Security")) == [ended, parked]
    assert await found_processes(own, ProcessFilter(because="rejects 'Security'")) == [parked]
    assert await found_processes(own, ProcessFilter(because="REJECTS"), status=FailedKind.PARKED) == [parked]


async def test_filters_of_processes_combine_and_page(own: Pool) -> None:
    stored = [await register(own, number // 2) for number in range(5)]
    await fail(own, stored[0], "rejected")
    newest_first = await found_processes(own, wanted := ProcessFilter(search="team", created_by="alice"))
    pages = [await found_processes(own, wanted, limit=1, after=after) for after in (None, *newest_first)]
    assert sorted(newest_first) == sorted(stored)
    assert pages == [[one] for one in newest_first] + [[]]
    assert await found_processes(own, wanted, status=ProcessStatus.RUNNING, limit=2) == newest_first[:2]
    assert await found_processes(own, wanted, status=ProcessStatus.FAILED) == [stored[0]]
    assert await found_processes(own, wanted, status=FailedKind.DISCREPANCY) == []
    assert await found_processes(own, wanted, after="nobody") == []


@pytest.mark.parametrize(
    ("text", "status", "number", "asked"),
    [
        ("team", None, 60, "'team':*"),
        ("new team", None, 60, "'new':* & 'team':*"),
        ("team 4711", None, 1, "'4711':*"),
        ("team 4711 zzz", None, 0, "'4711':* & 'zzz':*"),
        ("team new", ProcessStatus.FAILED, 1, None),
        ("team 4711", ProcessStatus.FAILED, 0, "'4711':*"),
    ],
)
async def test_an_index_is_asked_for_rare_words_only(
    own: Pool, text: str, status: ProcessStatus | None, number: int, asked: str | None
) -> None:
    """To list a common word takes an index long; other filters may leave few rows anyway."""
    first, *_ = [await register(own, 0, reason=f"a new team {'4711' * (one == 7)}") for one in range(60)]
    await fail(own, first, "rejected")
    said: list[Any] = []
    async with own.acquire() as connection:
        with connection.query_logger(said.append):
            found = await process_lists.list_processes(
                connection, status=status, fitting=ProcessFilter(search=text), limit=1000
            )
            await asyncio.sleep(0)  # asyncpg tells of the last one a moment later
    [gathered] = [one for one in said if "WITH found" in one.query]
    assert (len(found), gathered.args[-1]) == (number, asked)


@pytest.mark.parametrize("text", ["", " ", "'", "-_-", "a " * 21])
def test_a_search_without_words_or_with_many_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"letters or digits|more than 20 words"):
        prefixes(text)


async def test_any_punctuation_ends_a_word(own: Pool) -> None:
    """A word that was typed is found, whatever stands around it."""
    random = Random(4711)
    for number in range(200):
        words = ["".join(random.choices(string.ascii_letters + "5ü", k=4)) for _ in range(3)]
        between = random.choices(string.punctuation, k=4)
        text = "".join(f"{one}{word}" for one, word in zip(between, [*words, ""], strict=True))
        process_id = await register(own, number, reason=text)
        fits = "SELECT words @@ to_tsquery('simple', $2) FROM processes WHERE process_id = $1"
        for word in words:
            assert await own.fetchval(fits, process_id, query(word)), (text, word)
