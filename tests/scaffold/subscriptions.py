"""Creates subscriptions on the products of the copy, and waits for processes on them."""

import asyncio
from uuid import UUID, uuid4

from orchestrator.database.processes import TrailRow
from orchestrator.domain.process import ProcessStatus
from tests.processes import Handle, Processes


async def start_create(processes: Processes, workflow: str, **fields: object) -> Handle:
    return await processes.client.start_workflow(
        workflow, fields, id=f"{workflow}-{uuid4()}", task_queue=processes.task_queue
    )


async def create_letter_box(processes: Processes, **fields: object) -> Handle:
    return await start_create(
        processes, "create_letter_box", **{"address": "ops@example.org", "quota_mb": 500, **fields}
    )


async def active_letter_box(processes: Processes) -> UUID:
    handle = await create_letter_box(processes)
    assert (await ended(processes, handle)).status is ProcessStatus.COMPLETED
    return processes.subscription_id(handle)


async def active_group(processes: Processes) -> UUID:
    handle = await start_create(processes, "create_user_group", group_name="Doorkeepers")
    assert (await ended(processes, handle)).status is ProcessStatus.COMPLETED
    return processes.subscription_id(handle)


async def ended(processes: Processes, handle: Handle) -> TrailRow:
    """Wait until the process has ended; return its row in the trail."""
    async with asyncio.timeout(60):
        await processes.until_closed(handle)
    row = await processes.row(handle)
    assert row is not None
    return row
