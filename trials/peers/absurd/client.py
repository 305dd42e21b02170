"""The client of Absurd."""

import asyncio
import os

from absurd_sdk import TaskResultSnapshot
from load import serve
from task import QUEUE, TASK, client

ENDED = {"completed", "failed", "cancelled"}
TUNED_POLL = 0.01
"""Seconds between two looks at a result; Absurd's own wait begins with 0.05 and doubles."""


async def main() -> None:
    """Create user groups on request."""
    app = client()

    async def poll(task_id: str) -> TaskResultSnapshot:
        while (found := await app.fetch_task_result(task_id)).state not in ENDED:  # noqa: ASYNC110  # nothing tells of a result
            await asyncio.sleep(TUNED_POLL)
        return found

    wait_for = poll if os.environ["PEER_TUNED"] else app.await_task_result

    async def create() -> None:
        spawned = await app.spawn(TASK, {"group_name": "Network operators"}, queue=QUEUE)
        found = await wait_for(spawned["task_id"])
        if found.state != "completed":
            raise RuntimeError(f"The task is {found.state}: {found.failure}")

    await serve(create)
    await app.close()


asyncio.run(main())
