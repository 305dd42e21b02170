"""The client of this project."""

import asyncio
import os
from random import Random
from uuid import uuid4

from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.process.starting import known_attributes
from orchestrator.temporal.connection import connect
from orchestrator.temporal.task_queue import TASK_QUEUE
from program import run_program
from trials.peers.load import serve
from trials.workload import simplest_create


async def main() -> None:
    """Create subscriptions on request."""
    client = await connect({"target_host": os.environ["PEER_TEMPORAL_ADDRESS"]})
    start = simplest_create(Random(0))

    async def create() -> None:
        process_id = f"{start.workflow}-{uuid4()}"
        known = known_attributes(start.form, process_id, start.target, start.entry.subscription)
        await client.execute_workflow(
            start.workflow,
            start.form,
            id=process_id,
            task_queue=TASK_QUEUE,
            static_summary=start.form.title,
            search_attributes=known,
            result_type=SubscriptionModel,
        )

    await serve(create)


if __name__ == "__main__":
    run_program(lambda: asyncio.run(main()))
