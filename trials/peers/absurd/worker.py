"""A worker process of Absurd."""

import asyncio
import os
from pathlib import Path

from psycopg import AsyncConnection
from task import TASK, URL, UserGroups, client

TUNED = {"concurrency": 10, "poll_interval": 0.01}


async def main() -> None:
    """Work until it is stopped."""
    app = client()
    connection = await AsyncConnection.connect(URL, autocommit=True)
    app.register_task(TASK)(UserGroups(connection).create)
    Path(os.environ["PEER_READY"]).touch()
    await app.start_worker(**(TUNED if os.environ["PEER_TUNED"] else {}))


asyncio.run(main())
