"""The client of DBOS: it puts workflows on the queue, and waits for their results."""

import asyncio

from application import NAME, POLL_SECONDS, QUEUE, TUNED, URL
from dbos import DBOSClient, EnqueueOptions
from load import serve


async def main() -> None:
    """Create user groups on request."""
    client = DBOSClient(
        system_database_url=URL, application_name=NAME, system_database_pool_size=20 if TUNED else None
    )
    options: EnqueueOptions = {"queue_name": QUEUE, "workflow_name": "create_user_group"}

    async def create() -> None:
        handle = await client.enqueue_async(options, "Network operators")
        await handle.get_result(polling_interval_sec=POLL_SECONDS)

    await serve(create)
    client.destroy()


asyncio.run(main())
