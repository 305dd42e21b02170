"""`make bench-bulk`: measure a file of creates beside creates that are started one by one."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
import psutil
from pydantic import BaseModel
from temporalio.service import RPCError

from cli import output
from cli.json_output import print_json
from orchestrator.database.connection import NO_ANSWER, Pool, open_pool
from orchestrator.temporal.connection import connect
from program import run_program
from settings import ROOT, ConfigurationError, require_nothing_configured
from stack.addresses import Addresses
from stack.embedded import embedded_stack
from stack.errors import StackFailed
from trials.bench import measuring
from trials.bench.errors import BenchFailed
from trials.bench.figures import Measure
from trials.bench.parts import Parts
from trials.bench.subjects import Lifecycles

WORKERS = 2
SINGLY = 300
"""Creates that are started one by one."""
PART = 10
"""The first and the last rows whose rates are compared: one part in so many."""


class Result(BaseModel):
    """How many creates a second the machine does, started one by one and by a file."""

    rows: int
    at_once: int
    singly_before_per_second: float
    singly_after_per_second: float
    upload_seconds: float
    """From the start of the command until the rows are stored."""
    bulk_per_second: float
    first_per_second: float
    """Of the first tenth of the rows."""
    last_per_second: float
    singly_cpu_ms: float
    """CPU of server, workers and PostgreSQL for one create, without the client."""
    bulk_cpu_ms: float
    memory_before_mib: list[float]
    """Memory of each worker."""
    memory_after_mib: list[float]

    @property
    def share(self) -> float:
        """The rate of the file, of the rate of creates that are started one by one."""
        return self.bulk_per_second / ((self.singly_before_per_second + self.singly_after_per_second) / 2)


def write_rows(path: Path, number: int) -> None:
    """Write a file with so many user groups to create."""
    with path.open("w") as file:
        file.write("action,product,group_name\n")
        file.writelines(f"create,User Group,Group {line}\n" for line in range(number))


async def measure(addresses: Addresses, directory: Path, rows: int, at_once: int) -> Result:
    """Measure creates one by one, then a file of them, then one by one again."""
    client = await connect({"target_host": addresses.temporal_address})
    create = Lifecycles(client).subjects()[0]
    path = directory / "groups.csv"
    write_rows(path, rows)
    parts = Parts(addresses, {})
    async with await open_pool(addresses.database_url, size=1) as pool:
        await measuring.throughput(create, 100, at_once)  # warm
        output.say("Creates one by one")
        used, memory_before = _cpu_ms(parts), _memory(addresses)
        before = await measuring.throughput(create, SINGLY, at_once)
        singly = _cpu_ms(parts) - used
        output.say(f"A file of {rows} creates")
        used, began = _cpu_ms(parts), asyncio.get_running_loop().time()
        bulk_id = await _apply(addresses, path, at_once)
        uploaded = asyncio.get_running_loop().time() - began
        await _until_ended(pool, bulk_id, rows)
        memory_after, in_bulk = _memory(addresses), _cpu_ms(parts) - used
        output.say("Creates one by one, again")
        return Result(
            rows=rows,
            at_once=at_once,
            singly_before_per_second=before,
            singly_after_per_second=await measuring.throughput(create, SINGLY, at_once),
            upload_seconds=uploaded,
            bulk_per_second=await _rate(pool, bulk_id, 0, rows),
            first_per_second=await _rate(pool, bulk_id, 0, rows // PART),
            last_per_second=await _rate(pool, bulk_id, rows - rows // PART, rows),
            singly_cpu_ms=singly / SINGLY,
            bulk_cpu_ms=in_bulk / rows,
            memory_before_mib=memory_before,
            memory_after_mib=memory_after,
        )


def _cpu_ms(parts: Parts) -> float:
    """Return the CPU time that server, workers and PostgreSQL have used so far."""
    used = parts.cpu_seconds("ours")
    return 1000 * (sum(used.values()) - used[Measure.CPU_CLIENT_MS])


async def _apply(addresses: Addresses, path: Path, at_once: int) -> str:
    """Apply the file as a person would; return the id of the bulk."""
    services = {"TEMPORAL_ADDRESS": addresses.temporal_address, "DATABASE_URL": addresses.database_url}
    command = (
        sys.executable,
        "starter.py",
        "apply",
        str(path),
        "--at-once",
        str(at_once),
        "--no-wait",
        "--json",
    )
    ended = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=os.environ | services, stdout=subprocess.PIPE
    )
    stdout, _ = await ended.communicate()
    if ended.returncode:
        raise BenchFailed(f"The file was not applied: {stdout.decode()}")
    bulk_id: str = json.loads(stdout)["bulk"]["bulk_id"]
    return bulk_id


async def _until_ended(pool: Pool, bulk_id: str, rows: int) -> None:
    """Wait until every row has completed.

    Raises:
        BenchFailed: when one has not.
    """
    completed = 0
    while completed < rows:
        await asyncio.sleep(1)
        found = await pool.fetch(
            "SELECT status, count(*) FROM bulk_rows WHERE bulk_id = $1 GROUP BY status", bulk_id
        )
        counts = {row["status"]: row["count"] for row in found}
        if counts.keys() - {"waiting", "running", "completed"}:
            raise BenchFailed(f"Not every row has completed: {counts}")
        completed = counts.get("completed", 0)


async def _rate(pool: Pool, bulk_id: str, first: int, last: int) -> float:
    """Return how many of the rows from this to that, in the order of their ends, have ended a second."""
    seconds = await pool.fetchval(
        """
        SELECT extract(epoch FROM max(p.ended_at) - min(p.ended_at))::float
        FROM (
            SELECT p.ended_at
            FROM bulk_rows r
            JOIN processes p USING (process_id)
            WHERE r.bulk_id = $1
            ORDER BY p.ended_at
            OFFSET $2 LIMIT $3
        ) AS p
        """,
        bulk_id,
        first,
        last - first,
    )
    return (last - first - 1) / float(seconds)


def _memory(addresses: Addresses) -> list[float]:
    pids = [pid for name, pid in addresses.pids.items() if name.startswith("worker")]
    return [psutil.Process(pid).memory_info().rss / 2**20 for pid in pids]


def rows_of(result: Result) -> Sequence[tuple[str, str]]:
    """Return the result as a person reads it."""
    before, after = (
        " and ".join(f"{one:.0f}" for one in memory)
        for memory in (result.memory_before_mib, result.memory_after_mib)
    )
    return [
        ("creates one by one, before", f"{result.singly_before_per_second:.1f} a second"),
        ("creates one by one, after", f"{result.singly_after_per_second:.1f} a second"),
        (f"a file of {result.rows:,} creates", f"{result.bulk_per_second:.1f} a second"),
        ("its rate, of that one by one", f"{result.share:.0%}"),
        ("its first tenth", f"{result.first_per_second:.1f} a second"),
        ("its last tenth", f"{result.last_per_second:.1f} a second"),
        ("CPU for one create, one by one", f"{result.singly_cpu_ms:.0f} ms"),
        ("CPU for one create, of the file", f"{result.bulk_cpu_ms:.0f} ms"),
        ("upload", f"{result.upload_seconds:.1f} s"),
        ("memory of the workers, MiB, before and after", f"{before}; {after}"),
    ]


@click.command()
@click.option("--rows", type=click.IntRange(100), default=10_000, show_default=True)
@click.option("--at-once", type=click.IntRange(1, 100), default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, nothing else.")
def main(*, rows: int, at_once: int, as_json: bool) -> None:
    """Measure a file of creates beside creates that are started one by one."""
    try:
        require_nothing_configured()
        directory = Path(tempfile.mkdtemp(prefix="bulk-"))
        output.say(f"In {directory}")
        with embedded_stack(directory, workers=WORKERS, mends=False) as addresses:
            result = asyncio.run(measure(addresses, directory, rows, at_once))
    except (ConfigurationError, StackFailed, BenchFailed, RPCError, psutil.Error, *NO_ANSWER) as error:
        output.complain(str(error) or type(error).__name__)
        sys.exit(1)
    shutil.rmtree(directory)
    if as_json:
        print_json(result)
    else:
        output.print_facts(dict(rows_of(result)))


if __name__ == "__main__":
    run_program(main, stop_like_ctrl_c=True)
