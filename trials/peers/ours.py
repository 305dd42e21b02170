"""The client of this project."""

import asyncio
import os
from random import Random
from uuid import uuid4

from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.temporal.connection import connect
from orchestrator.temporal.plugin import TASK_QUEUE
from trials.peers.load import serve
from trials.workload import simplest_create


async def main() -> None:
    """Create subscriptions on request."""
    client = await connect({"target_host": os.environ["PEER_TEMPORAL_ADDRESS"]})
    start = simplest_create(Random(0))

    async def create() -> None:
        await client.execute_workflow(
            start.workflow,
            start.form,
            id=f"{start.workflow}-{uuid4()}",
            task_queue=TASK_QUEUE,
            static_summary=start.form.title,
            result_type=SubscriptionModel,
        )

    await serve(create)


if __name__ == "__main__":
    asyncio.run(main())
