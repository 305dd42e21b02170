"""The client of orchestrator-core: it starts processes by the API of both servers in turn.

It waits by looking at the table of the processes: that costs less than to ask the API again and again.
"""

import asyncio
import itertools
import os

import httpx
import psycopg
from load import serve
from names import PRODUCT_ID

POLL_SECONDS = 0.01
ENDED = {"completed", "failed", "aborted", "api_unavailable", "inconsistent_data"}
FORM = [{"product": PRODUCT_ID}, {"group_name": "Network operators"}]


async def follow(connection: psycopg.AsyncConnection, waiting: dict[str, asyncio.Future[str]]) -> None:
    """Resolve the future of each process that has ended."""
    while True:
        await asyncio.sleep(POLL_SECONDS)
        if waiting:
            rows = await connection.execute(
                "SELECT pid::text, last_status FROM processes WHERE pid = ANY(%s::uuid[])", (list(waiting),)
            )
            for process_id, status in await rows.fetchall():
                if status in ENDED:
                    waiting.pop(process_id).set_result(status)


async def main() -> None:
    """Create user groups on request."""
    ports = itertools.cycle(os.environ["PEER_PORTS"].split(","))
    waiting: dict[str, asyncio.Future[str]] = {}
    connection = await psycopg.AsyncConnection.connect(os.environ["PEER_DATABASE_URL"], autocommit=True)
    following = asyncio.create_task(follow(connection, waiting))

    async with httpx.AsyncClient(timeout=60) as http:

        async def create() -> None:
            url = f"http://127.0.0.1:{next(ports)}/api/processes/create_user_group"
            answer = await http.post(url, json=FORM)
            if answer.is_error:
                raise RuntimeError(f"{answer.status_code} {answer.text[:300]}")
            process_id = answer.json()["id"]
            waiting[process_id] = asyncio.get_running_loop().create_future()
            if (status := await waiting[process_id]) != "completed":
                raise RuntimeError(f"The process is {status}")

        await serve(create)
    following.cancel()


asyncio.run(main())
