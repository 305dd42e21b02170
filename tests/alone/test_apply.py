"""Files of rows are applied by one command, on a database of its own."""

import csv
from pathlib import Path
from typing import Any

import pytest

from orchestrator.database.bulks import lock_uploads
from orchestrator.database.connection import Pool, transaction
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from tests.starting import Ended, Starter

GROUPS = "group_name\nSupport\nSecurity\nOperators\n"
NAMES = ["Operators", "Security", "Support"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Three groups to create."""
    path = tmp_path / "groups.csv"
    path.write_text(GROUPS)
    return path


def rewrite(path: Path, content: str | bytes) -> None:
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def read(path: Path) -> str:
    return path.read_text()


async def apply(starter: Starter, path: Path, *options: str) -> Ended:
    return await starter("apply", str(path), "--product", "User Group", *options, "--json")


async def names(pool: Pool, status: str = "active") -> list[str]:
    """Return the names of the groups with this status."""
    rows = await pool.fetch(
        "SELECT block ->> 'group_name' AS name FROM subscriptions WHERE status = $1 ORDER BY 1", status
    )
    return [row["name"] for row in rows]


async def ids(pool: Pool) -> dict[str, str]:
    """Return the ids of the subscriptions by the names of their groups."""
    rows = await pool.fetch("SELECT block ->> 'group_name' AS name, subscription_id FROM subscriptions")
    return {row["name"]: str(row["subscription_id"]) for row in rows}


async def number_of(pool: Pool, table: str) -> int:
    number: int = await pool.fetchval(f"SELECT count(*) FROM {table}")
    return number


def counts(document: Any) -> dict[str, int]:
    """Return the numbers of rows by status that are not 0."""
    statuses = ("completed", "parked", "refused", "failed", "aborted", "lost", "waiting", "running")
    bulk = document.get("bulk", document)
    return {name: bulk[name] for name in statuses if bulk[name]}


async def test_every_row_becomes_a_subscription(starter: Starter, file: Path, pool: Pool) -> None:
    ended = await apply(starter, file, "--by", "alice", "--reason", "ticket 4711")
    assert (ended.code, counts(ended.document)) == (0, {"completed": 3})
    assert await names(pool) == NAMES
    said = await pool.fetch("SELECT DISTINCT created_by, reason FROM processes")
    assert [tuple(row) for row in said] == [("alice", "ticket 4711")]
    assert not file.with_name("groups.csv.errors.csv").exists()


async def test_the_same_file_again_does_nothing(starter: Starter, file: Path, pool: Pool) -> None:
    await apply(starter, file)
    again = await apply(starter, file)
    assert (again.code, again.document["skipped_done"], again.document["bulk"]) == (0, 3, None)
    rewrite(file, GROUPS + "Networks\nStorage\n")
    more = await apply(starter, file)
    assert (counts(more.document), more.document["bulk"]["skipped"]) == ({"completed": 2}, 3)
    assert await names(pool) == ["Networks", *NAMES[:2], "Storage", "Support"]


async def test_rows_can_be_run_again_on_purpose(starter: Starter, file: Path, pool: Pool) -> None:
    await apply(starter, file)
    again = await apply(starter, file, "--again")
    assert counts(again.document) == {"completed": 3}
    assert len(await names(pool)) == 6


async def test_rows_create_modify_and_terminate(starter: Starter, file: Path, pool: Pool) -> None:
    await apply(starter, file)
    there = await ids(pool)
    rewrite(
        file,
        "action;product;subscription_id;group_name;username;group\n"
        f"modify;User Group;{there['Support']};Help desk;;\n"
        f"terminate;User Group;{there['Security']};;;\n"
        f"create;User internal;;;alice;{there['Operators']}\n",
    )
    unsure = await apply(starter, file)
    assert (unsure.code, unsure.document["error"]["type"]) == (2, "InvalidInput")
    assert await number_of(pool, "bulks") == 1
    ended = await apply(starter, file, "--yes")
    assert (ended.code, counts(ended.document)) == (0, {"completed": 3})
    assert [ended.document[name] for name in ("create", "modify", "terminate")] == [1, 1, 1]
    assert await names(pool, "terminated") == ["Security"]
    assert "Help desk" in await names(pool)


async def test_nothing_is_uploaded_if_a_row_does_not_fit(starter: Starter, file: Path, pool: Pool) -> None:
    rewrite(file, GROUPS + "Support\na\x07b\nStorage\n")
    for option in ([], ["--dry-run"]):
        ended = await apply(starter, file, *option)
        assert ended.code == 1
        twin, control = ended.document["bad"]
        assert twin == {"line": 5, "reason": "is the same as line 2; remove one of them"}
        assert control["line"] == 6
        assert "group_name has the control character U+0007" in control["reason"]
    assert await number_of(pool, "bulks") == 0
    assert await number_of(pool, "processes") == 0


async def test_a_dry_run_asks_the_gate_and_writes_nothing(starter: Starter, file: Path, pool: Pool) -> None:
    await apply(starter, file)
    group = (await ids(pool))["Support"]
    await starter("create", "user", "--product", "User internal", "--username", "a", "--group", group)
    rewrite(file, f"action,subscription_id,group_name\nterminate,{group},\ncreate,,New\n")
    ended = await apply(starter, file, "--dry-run")
    [bad] = ended.document["bad"]
    assert (ended.code, ended.document["create"], bad["line"]) == (1, 1, 2)
    assert "as it is used in other subscriptions" in bad["reason"]
    assert await number_of(pool, "bulks") == 1
    assert "New" not in await ids(pool)


async def test_a_row_that_parks_does_not_stop_the_rest(
    starter: Starter, file: Path, pool: Pool, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", name="Support"))
    ended = await apply(starter, file, "--at-once", "1")
    assert (ended.code, counts(ended.document)) == (1, {"completed": 2, "parked": 1})
    [failure] = ended.document["bulk"]["failures"]
    assert (failure["line"], failure["reason"]) == (2, "group_management rejects 'Support'")
    assert await names(pool) == NAMES[:2]
    same = await apply(starter, file)
    assert (same.document["skipped_open"], same.document["bulk"]) == (1, None)
    await groups.system.clear_faults()
    retried = await starter("bulk", failure["process_id"][-36:], "--json")
    assert retried.document["error"]["type"] == "BulkNotFound"
    bulk_id = ended.document["bulk"]["bulk_id"]
    retried = await starter("bulk", bulk_id[:8], "--retry-failed", "--by", "bob", "--json")
    assert (retried.code, counts(retried.document)) == (0, {"completed": 3})
    process = (await starter("process", failure["process_id"], "--json")).document
    assert [(one["event"], one["by"]) for one in process["events"]] == [("parked", None), ("retried", "bob")]


async def test_a_parked_row_that_a_person_retries_is_completed(
    starter: Starter, file: Path, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", name="Support"))
    bulk = (await apply(starter, file)).document["bulk"]
    await groups.system.clear_faults()
    await starter("retry", bulk["failures"][0]["process_id"])
    assert counts((await starter("bulk", bulk["bulk_id"], "--json")).document) == {"completed": 3}


async def test_failures_end_in_a_file_that_can_be_applied(starter: Starter, file: Path, pool: Pool) -> None:
    nobody = "64f731c2-30f5-5d90-b7b0-8f61a6fa6cce"
    rewrite(file, f"subscription_id,action,group_name,reason\n{nobody},modify,Help,x\n,,Support,y\n")
    ended = await apply(starter, file)
    assert (ended.code, counts(ended.document)) == (1, {"completed": 1, "refused": 1})
    errors = file.with_name("groups.csv.errors.csv")
    [row] = csv.DictReader(read(errors).splitlines())
    assert row == {
        "error_line": "2",
        "error": f"Subscription not found (subscription {nobody})",
        "action": "modify",
        "product": "User Group",
        "subscription_id": nobody,
        "group_name": "Help",
        "reason": "x",
    }
    await starter("bulk", ended.document["bulk"]["bulk_id"], "--errors", str(errors) + "2")
    assert read(Path(f"{errors}2")) == read(errors)
    elsewhere = await starter("bulk", ended.document["bulk"]["bulk_id"], "--errors", str(file.parent))
    assert "cannot write" in elsewhere.stderr
    same = await apply(starter, errors)
    assert (same.document["skipped_failed"], same.document["bulk"]) == (1, None)
    rewrite(errors, read(errors).replace(nobody, (await ids(pool))["Support"]))
    assert (await apply(starter, errors)).code == 0
    assert await names(pool) == ["Help"]


async def test_failed_rows_of_a_file_are_retried(
    starter: Starter, file: Path, pool: Pool, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", name="Support"))
    await groups.system.order(Fault(kind="reject", name="Security"))
    bulk = (await apply(starter, file)).document["bulk"]
    await groups.system.clear_faults()
    await starter("abort", bulk["failures"][0]["process_id"])
    assert counts((await starter("bulk", bulk["bulk_id"], "--json")).document) == {
        "completed": 1, "aborted": 1, "parked": 1,
    }  # fmt: skip
    ended = await apply(starter, file, "--retry-failed")
    assert (ended.code, counts(ended.document), ended.document["skipped_done"]) == (0, {"completed": 2}, 1)
    assert await names(pool) == NAMES
    assert await number_of(pool, "processes") == 4  # the aborted one was run anew


async def test_two_uploads_do_not_run_the_same_rows_twice(starter: Starter, file: Path, pool: Pool) -> None:
    async with transaction(pool) as connection:
        assert await lock_uploads(connection)
        refused = await apply(starter, file)
    assert (refused.code, refused.document["error"]["type"]) == (1, "UploadInProgress")
    assert await number_of(pool, "bulks") == 0


async def test_a_long_file_is_uploaded_in_parts(
    starter: Starter, file: Path, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.uploading.BATCH", 2)
    ended = await apply(starter, file)
    assert counts(ended.document) == {"completed": 3}
    rewrite(file, GROUPS + "Support\n")
    ended = await apply(starter, file, "--again")
    assert ended.document["bad"] == [{"line": 5, "reason": "is the same as line 2; remove one of them"}]
    monkeypatch.setattr("cli.uploading.MOST_BAD", 1)
    rewrite(file, "group_name,version\n" + "a,1\n" * 9)
    assert len((await apply(starter, file)).document["bad"]) == 2


async def test_rows_that_do_not_fit_are_told_in_words(starter: Starter, file: Path) -> None:
    rewrite(file, "group_name\n" + "a\n" * 12)
    ended = await starter("apply", str(file), "--product", "User Group")
    assert ended.code == 1
    assert "Line 3: is the same as line 2; remove one of them\n" in ended.stdout
    assert ended.stdout.count("Line ") == 10
    assert "and 1 more; --json lists them" in ended.stderr
    assert ended.stderr.endswith("Error: Nothing was started, because 11 rows cannot be applied\n")


async def test_a_wrong_file_is_told_in_one_line(starter: Starter, file: Path) -> None:
    rewrite(file, b"group_name\nJ\xfcrgen\n")
    ended = await starter("apply", str(file))
    assert ended.code == 2
    assert ended.stderr.startswith("Error: Line 2 is not UTF-8: it has the byte 0xFC; save the file as UTF-8")
    assert len(ended.stderr.splitlines()) == 1


async def test_what_is_done_is_told_in_words(starter: Starter, file: Path) -> None:
    dry = await starter("apply", str(file), "--product", "User Group", "--dry-run")
    done = await starter("apply", str(file), "--product", "User Group")
    same = await starter("apply", str(file), "--product", "User Group")
    assert (dry.stdout, dry.stderr) == (
        "3 to create, 0 to modify, 0 to terminate\n", "Dry run: nothing is written\n",
    )  # fmt: skip
    assert "completed  3" in done.stdout
    assert "3 skipped, because an earlier file has asked for them: 3 done, 0 open, 0 failed" in same.stdout
    assert "There is nothing to do" in same.stderr


async def test_what_has_failed_is_told_in_words(
    starter: Starter, file: Path, groups: FakeGroupManagement
) -> None:
    await groups.system.order(Fault(kind="reject", name="Support"))
    ended = await starter("apply", str(file), "--product", "User Group")
    assert ended.code == 1
    assert "Line 2: parked: group_management rejects 'Support' (create_user_group-" in ended.stdout
    assert "--retry-failed" in ended.stderr
    assert ended.stderr.endswith("Error: 1 row of 3 not completed: 1 parked, 2 completed\n")


@pytest.mark.parametrize("path", ["a\nb.csv", "\udcff.csv", "a" * 5000])
async def test_a_path_that_cannot_be_stored_is_refused(starter: Starter, path: str) -> None:
    ended = await starter("apply", path)
    assert (ended.code, len(ended.stderr.splitlines())) == (2, 1)


@pytest.mark.parametrize(
    "options", [["--again", "--retry-failed"], ["--at-once", "0"], ["--at-once", "x"], ["--product", "Nope"]]
)
async def test_options_that_do_not_fit_are_refused(starter: Starter, file: Path, options: list[str]) -> None:
    ended = await starter("apply", str(file), *options)
    assert ended.code in {1, 2}
    assert ended.stderr.startswith("Error: ")
