"""A program for the copy: run the workload's processes on letter boxes, audit them, and print the outcome.

It ends when each workflow of the letter box has completed once.
"""

import asyncio
import atexit
import json
import time
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from uuid import uuid4

from temporalio.client import Client

from catalogue import entry_of, workflow_type
from orchestrator.database.connection import open_pool
from orchestrator.temporal.connection import connect
from orchestrator.temporal.task_queue import TASK_QUEUE
from settings import Settings
from stack.endpoints import find_endpoints
from trials.audit import Report, audit
from trials.journal import Accepted, Journal
from trials.records import read_records
from trials.systems import open_fake_systems
from trials.workload import Workload

PREFIX = f"trial-{uuid4()}"
MOST = 1000
"""Largest number of draws; a workflow that was not drawn by then is not in the workload."""


async def run_each_workflow(client: Client, journal: Journal) -> None:
    letter_box, workload = entry_of("LetterBox"), Workload(Random(7))
    assert letter_box is not None
    missing = {workflow_type(definition) for definition in letter_box.workflows}
    for start in (workload.draw() for _ in range(MOST)):
        if start.entry is letter_box and missing:
            process_id = f"{PREFIX}-{len(journal)}"
            await client.execute_workflow(start.workflow, start.form, id=process_id, task_queue=TASK_QUEUE)
            journal.accept(Accepted(process_id=process_id, workflow=start.workflow, fields=start.fields))
            workload.completed(start, process_id)
            missing.discard(start.workflow)


async def audit_all(client: Client, journal: Journal, database_url: str) -> Report:
    query = f"WorkflowId STARTS_WITH '{PREFIX}'"
    async with await open_pool(database_url, size=2) as pool, open_fake_systems(database_url) as systems:
        return audit(await read_records(journal, client, query, pool, systems))


async def main() -> None:
    endpoints = find_endpoints(Settings.from_environment())
    client = await connect(endpoints.temporal)
    with TemporaryDirectory() as directory, Journal(Path(directory) / "journal.jsonl") as journal:
        await run_each_workflow(client, journal)
        report = await audit_all(client, journal, endpoints.database_url.get_secret_value())
    outcome = {
        "workflows": sorted({process.workflow for process in journal}),
        "subscriptions": report.subscriptions,
        "findings": [str(finding) for finding in report.findings],
    }
    print(json.dumps(outcome))  # noqa: T201  # the answer of the program


if __name__ == "__main__":
    atexit.register(time.sleep, 0.05)  # temporalio/sdk-python#300
    asyncio.run(main())
