"""What the checks of the doctor think of facts that a test cannot make real."""

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.common import WorkerDeploymentVersion

from cli.doctor.database import judge_clock
from cli.doctor.database import judge_server as judge_postgres
from cli.doctor.machine import judge_disk, judge_packages, judge_python
from cli.doctor.temporal import judge_server as judge_temporal
from cli.doctor.workers import judge_backlog, judge_schedule, judge_versions, judge_workers
from orchestrator.database.server import Server
from orchestrator.operations.schedules import VALIDATION, RegularSchedule
from orchestrator.temporal.task_queue import Poller, Queue

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SERVER = Server(version="18.4", major=18, local=True, encrypted=False, connections=3, most_connections=97)
OLD, NEW = (WorkerDeploymentVersion("subscriptions", build) for build in ("1.0", "2.0"))


def pollers(*, ago: float = 1, version: WorkerDeploymentVersion | None = None) -> tuple[Poller, ...]:
    asked_at = NOW - timedelta(seconds=ago)
    return tuple(Poller("7@here", kind, asked_at, version) for kind in ("workflows", "activities"))


def queue(
    *found: Poller, current: WorkerDeploymentVersion | None = None, backlog: int = 0, oldest: float = 0
) -> Queue:
    return Queue(found, backlog, timedelta(seconds=oldest), current, None)


@pytest.mark.parametrize(
    ("found", "result"), [((3, 10, 4), "failed"), ((3, 11, 0), "ok"), ((3, 14, 1), "ok")]
)
def test_python_must_be_new_enough(found: tuple[int, ...], result: str) -> None:
    assert judge_python(found).result == result


def test_packages_that_differ_from_the_lock_are_named() -> None:
    found = judge_packages({"click": "0.1", "no-such-package": "1"})
    assert found.result == "warning"
    assert "instead of 0.1" in found.fact
    assert "no-such-package" not in found.fact


@pytest.mark.parametrize(("mib", "result"), [(100, "failed"), (1000, "warning"), (5000, "ok")])
def test_a_disk_that_is_almost_full_is_told(mib: int, result: str) -> None:
    assert judge_disk(mib * 1024**2, "/data").result == result


@pytest.mark.parametrize(
    ("changed", "result"),
    [
        ({}, "ok"),
        ({"major": 13}, "warning"),
        ({"local": False}, "warning"),
        ({"local": False, "encrypted": True}, "ok"),
        ({"connections": 90}, "warning"),
    ],
)
def test_a_postgres_that_is_not_as_it_should_be_is_told(changed: dict[str, object], result: str) -> None:
    assert judge_postgres(SERVER.model_copy(update=changed)).result == result


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(-30, "29 s ahead of"), (1.5, "as that of"), (30, "28 s behind"), (-1, "as that of")],
)
def test_clocks_that_differ_are_told(seconds: float, told: str) -> None:
    found = judge_clock(
        NOW - timedelta(seconds=1), NOW + timedelta(seconds=seconds), NOW + timedelta(seconds=2)
    )
    assert told in found.fact
    assert (found.result == "ok") == told.startswith("as")


@pytest.mark.parametrize(
    ("version", "address", "encrypted", "result"),
    [
        ("1.32.0", "127.0.0.1:7233", False, "ok"),
        ("1.27.2", "127.0.0.1:7233", False, "warning"),
        ("1.32.0", "temporal.example.com:7233", False, "warning"),
        ("1.32.0", "temporal.example.com:7233", True, "ok"),
        ("cloud", "temporal.example.com:7233", True, "ok"),
    ],
)
def test_a_temporal_that_is_not_as_it_should_be_is_told(
    version: str, address: str, encrypted: bool, result: str
) -> None:
    assert judge_temporal(version, address, encrypted=encrypted).result == result


def test_a_worker_that_was_killed_does_not_count() -> None:
    assert judge_workers(pollers(), NOW, "make up").result == "ok"
    killed = judge_workers(pollers(ago=200), NOW, "make up")
    assert (killed.result, killed.remedy) == ("failed", "make up")
    assert killed.fact.endswith("the last one asked 200 s ago")


def test_workers_that_ask_for_no_activities_are_told() -> None:
    found = judge_workers(pollers()[:1], NOW, "make worker")
    assert (found.result, "none asks for activities" in found.fact) == ("failed", True)


def test_a_current_version_without_workers_is_told() -> None:
    assert judge_versions(queue(*pollers(version=NEW), current=NEW), "make worker").result == "ok"
    found = judge_versions(queue(*pollers(version=OLD), current=NEW), "make worker")
    assert found.result == "failed"
    assert found.fact == "version 2.0 is current, but none of its workers runs (versions that run: 1.0)"
    assert found.remedy is not None
    assert found.remedy.startswith(
        "TEMPORAL_DEPLOYMENT_NAME=subscriptions TEMPORAL_WORKER_BUILD_ID=2.0 make worker, or temporal"
    )


@pytest.mark.parametrize(("oldest", "result"), [(5, "ok"), (100, "warning")])
def test_tasks_that_wait_long_are_told(oldest: float, result: str) -> None:
    assert judge_backlog(queue(backlog=12, oldest=oldest), "make worker").result == result


def test_a_scheduled_run_that_ended_badly_is_told() -> None:
    schedule = RegularSchedule(every=timedelta(days=1), last_at=NOW, last_process_id="validate-7")
    assert judge_schedule(VALIDATION, "validate", schedule, "completed").result == "ok"
    found = judge_schedule(VALIDATION, "validate", schedule, "timed out")
    assert (found.result, found.remedy) == ("warning", "starter.py process validate-7")
