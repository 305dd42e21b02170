"""The audit finds nothing if all is well, and finds every contradiction between the four records."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from temporalio.client import Client, WorkflowExecutionStatus

from catalogue import entry_of
from orchestrator.database.connection import Pool
from orchestrator.domain.process import ProcessStatus, Target
from orchestrator.domain.subscription import Status, SubscriptionModel
from products.product_types.user_group import UserGroup
from services.fake_group_management import FakeGroupManagement
from services.fake_system import FakeSystem, Fault, Record
from tests.processes import Processes
from trials.audit import audit
from trials.findings import Kind
from trials.journal import Accepted, Journal
from trials.records import Execution, Records, Trail, read_records

GROUPS, USERS = "group_management", "user_management"


@pytest.fixture
async def records(
    worker: None,
    client: Client,
    task_queue: str,
    pool: Pool,
    groups: FakeGroupManagement,
    systems: list[FakeSystem],
    tmp_path: Path,
) -> Records:
    """A renamed group, an aborted create, a user in the group, and a terminated user."""
    with Journal(tmp_path / "journal.jsonl") as journal:
        await live(journaled(client, journal, task_queue, pool), groups)
        query = f"TaskQueue = '{task_queue}'"
        return await read_records(journal, client, query, pool, systems)


def journaled(client: Client, journal: Journal, task_queue: str, pool: Pool) -> Processes:
    """Return processes that are written into the journal."""
    config = client.config()
    config["interceptors"] = [*config["interceptors"], journal.interceptor()]
    return Processes(Client(**config), task_queue, pool)


async def live(processes: Processes, groups: FakeGroupManagement) -> UUID:
    """Rename a group, abort a create, terminate one of two users; return the group."""
    group_id = await processes.active_group("Before")
    await (await processes.start("modify_user_group", group_id, group_name="After")).result()
    await processes.active_user(group_id)
    user_id = await processes.active_user(group_id, "bob")
    await (await processes.start("terminate_user", user_id)).result()
    await groups.system.order(Fault(kind="reject", times=1))
    aborted = await processes.create_user_group("Aborted")
    await processes.until_parked(aborted)
    await aborted.cancel()
    await processes.until_closed(aborted)
    return group_id


def test_the_audit_finds_nothing_if_all_is_well(records: Records) -> None:
    report = audit(records)
    assert report.findings == []
    assert report.processes == {"completed": 5, "aborted": 1}


def row_of(records: Records, target: Target, status: ProcessStatus = ProcessStatus.COMPLETED) -> Trail:
    found = (row for row in records.trail.values() if (row.target, row.status) == (target, status))
    return next(found)


def group_of(records: Records) -> UserGroup:
    return next(one for one in records.subscriptions.values() if isinstance(one, UserGroup))


def replace_row(records: Records, row: Trail, **fields: object) -> None:
    records.trail[row.process_id] = row.model_copy(update=fields)


def replace_group(records: Records, **fields: object) -> None:
    group = group_of(records)
    records.subscriptions[group.subscription_id] = group.model_copy(update=fields)


def execution_of(records: Records) -> Execution:
    return records.executions[row_of(records, Target.MODIFY).process_id]


def lose_execution(records: Records) -> None:
    del records.executions[row_of(records, Target.MODIFY).process_id]


def lose_row(records: Records) -> None:
    del records.trail[row_of(records, Target.TERMINATE).process_id]


def leave_open(records: Records) -> None:
    execution_of(records).status = WorkflowExecutionStatus.RUNNING


def close_otherwise(records: Records) -> None:
    execution_of(records).status = WorkflowExecutionStatus.FAILED


def start_twice(records: Records) -> None:
    execution_of(records).first_run_ids.add("another")


def terminate_by_hand(records: Records) -> None:
    execution_of(records).interventions.append("terminated")


def start_unasked(records: Records) -> None:
    execution = Execution(status=WorkflowExecutionStatus.COMPLETED, first_run_ids={"a"})
    records.executions["unasked"] = execution


def note_unasked(records: Records) -> None:
    row = row_of(records, Target.MODIFY)
    records.trail["unasked"] = row.model_copy(update={"process_id": "unasked"})


def forget_step(records: Records) -> None:
    row = row_of(records, Target.TERMINATE)
    replace_row(records, row, results={k: v for k, v in row.results.items() if k != "deprovision_user"})


def forget_step_of_roll_back(records: Records) -> None:
    row = row_of(records, Target.CREATE, ProcessStatus.ABORTED)
    replace_row(records, row, results={k: v for k, v in row.results.items() if k != "roll_back: resync"})


def roll_back_what_completed(records: Records) -> None:
    row = row_of(records, Target.MODIFY)
    replace_row(records, row, results=row.results | {"begin_roll_back": "{}"})


def lose_subscription(records: Records) -> None:
    del records.subscriptions[group_of(records).subscription_id]


def make_unasked(records: Records) -> None:
    subscription_id = uuid4()
    copy: SubscriptionModel = group_of(records).model_copy(update={"subscription_id": subscription_id})
    records.subscriptions[subscription_id] = copy


def skip_version(records: Records) -> None:
    replace_group(records, version=group_of(records).version + 1)


def forget_modification(records: Records) -> None:
    group = group_of(records)
    block = group.user_group.model_copy(update={"group_name": "Before"})
    replace_group(records, user_group=block)


def do_other_than_asked(records: Records) -> None:
    row = row_of(records, Target.MODIFY)
    asked = records.accepted[row.process_id].fields | {"group_name": "Asked"}
    accepted = Accepted(process_id=row.process_id, workflow=row.workflow, fields=asked)
    records.accepted = dict(records.accepted) | {row.process_id: accepted}


def forget_end(records: Records) -> None:
    ended = next(one for one in records.subscriptions.values() if one.status is Status.TERMINATED)
    records.subscriptions[ended.subscription_id] = ended.model_copy(update={"end_date": None})


def revive(records: Records) -> None:
    ended = next(one for one in records.subscriptions.values() if one.status is Status.TERMINATED)
    records.subscriptions[ended.subscription_id] = ended.model_copy(update={"status": Status.ACTIVE})


def hold_for_nothing(records: Records) -> None:
    replace_group(records, held_by=row_of(records, Target.MODIFY).process_id, insync=False)


def lose_relation(records: Records) -> None:
    records.depends_on.clear()


def lose_record(records: Records) -> None:
    records.outside[GROUPS].clear()


def leave_record(records: Records) -> None:
    ended = next(one for one in records.subscriptions.values() if one.status is Status.TERMINATED)
    record = Record(record_id=77, attributes={})
    entry = entry_of(ended.product.type)
    assert entry is not None
    records.outside[entry.external_system][ended.subscription_id] = record


def make_record_unasked(records: Records) -> None:
    records.outside[GROUPS][uuid4()] = Record(record_id=78, attributes={})


def change_record(records: Records) -> None:
    about = group_of(records).subscription_id
    number = records.outside[GROUPS][about].record_id
    records.outside[GROUPS][about] = Record(record_id=number, attributes={"group_name": "Other"})


def number_twice(records: Records) -> None:
    (record,) = records.outside[GROUPS].values()
    records.outside[GROUPS][UUID(int=1)] = record


def change_twice(records: Records) -> None:
    records.changes[GROUPS].append(records.changes[GROUPS][1])


def lose_change(records: Records) -> None:
    records.changes[USERS].pop()


TAMPERED: list[tuple[Callable[[Records], None], Kind]] = [
    (lose_execution, "loss"),
    (lose_row, "loss"),
    (leave_open, "loss"),
    (close_otherwise, "contradiction"),
    (start_twice, "duplicate"),
    (terminate_by_hand, "contradiction"),
    (start_unasked, "orphan"),
    (note_unasked, "orphan"),
    (forget_step, "loss"),
    (forget_step_of_roll_back, "loss"),
    (roll_back_what_completed, "contradiction"),
    (lose_subscription, "loss"),
    (make_unasked, "orphan"),
    (skip_version, "contradiction"),
    (forget_modification, "contradiction"),
    (do_other_than_asked, "contradiction"),
    (forget_end, "contradiction"),
    (revive, "contradiction"),
    (hold_for_nothing, "contradiction"),
    (lose_relation, "contradiction"),
    (lose_record, "loss"),
    (leave_record, "orphan"),
    (make_record_unasked, "orphan"),
    (change_record, "contradiction"),
    (number_twice, "duplicate"),
    (change_twice, "duplicate"),
    (lose_change, "loss"),
]


# One test for all: it takes seconds to make the records, and no time to copy them.
def test_the_audit_finds_every_contradiction(records: Records) -> None:
    def kinds(tamper: Callable[[Records], None]) -> set[Kind]:
        copy = deepcopy(records)
        tamper(copy)
        return {finding.kind for finding in audit(copy).findings}

    missed = [tamper.__name__ for tamper, kind in TAMPERED if kind not in kinds(tamper)]
    assert missed == []
