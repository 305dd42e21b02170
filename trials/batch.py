"""`make bench-batch`: measure creates while all subscriptions are validated."""

import asyncio
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import click
import psutil
from pydantic import BaseModel
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from cli import output
from cli.json_output import print_json
from orchestrator.database.connection import NO_ANSWER
from orchestrator.operations.validate_subscriptions import (
    Totals,
    ValidateSubscriptions,
    ValidateSubscriptionsForm,
)
from orchestrator.temporal.connection import connect
from orchestrator.temporal.task_queue import TASK_QUEUE
from program import run_program
from settings import ConfigurationError, require_nothing_configured
from stack.addresses import Addresses
from stack.embedded import embedded_stack
from stack.errors import StackFailed
from trials.bench.errors import BenchFailed
from trials.bench.figures import percentile
from trials.bench.subjects import Lifecycles, Subject
from trials.growth.filling import BLOCK, fill

WORKERS = 2
PAUSE = 0.2
"""Seconds between two creates."""

Handle = WorkflowHandle[Any, Totals]


class Result(BaseModel):
    """What a create takes while nothing else runs, and while everything is validated."""

    subscriptions: int
    at_once: int | None
    """Validations that run at the same time; null is the default of the workflow."""
    idle_p50_ms: float
    idle_p95_ms: float
    meanwhile_p50_ms: float
    meanwhile_p95_ms: float
    validations_per_second: float
    most_events: int
    """Events of the longest history of the validation of all: each page of the list has its own."""
    memory_before_mib: list[float]
    """Memory of each worker."""
    memory_after_mib: list[float]

    @property
    def ratio(self) -> float:
        """How many times as long the slower creates take meanwhile."""
        return self.meanwhile_p95_ms / self.idle_p95_ms


async def measure(addresses: Addresses, subscriptions: int, seconds: int, at_once: int | None) -> Result:
    """Fill the database, then measure creates alone and beside the validation of all."""
    await fill(addresses.database_url, subscriptions // BLOCK, output.say)
    client = await connect({"target_host": addresses.temporal_address})
    create = Lifecycles(client).subjects()[0]
    await creates(create, 10)  # warm
    output.say("Creates alone")
    idle = await creates(create, seconds / 2)
    validation = await _validate_all(client, at_once)
    output.say("Creates meanwhile")
    memory_before, began, done = _memory(addresses), time.monotonic(), await _total(validation)
    meanwhile = await creates(create, seconds)
    rate = (await _total(validation) - done) / (time.monotonic() - began)
    memory_after = _memory(addresses)
    await validation.cancel()
    return Result(
        subscriptions=subscriptions,
        at_once=at_once,
        idle_p50_ms=percentile(idle, 50),
        idle_p95_ms=percentile(idle, 95),
        meanwhile_p50_ms=percentile(meanwhile, 50),
        meanwhile_p95_ms=percentile(meanwhile, 95),
        validations_per_second=rate,
        most_events=await _most_events(client, validation.id),
        memory_before_mib=memory_before,
        memory_after_mib=memory_after,
    )


async def creates(create: Subject, seconds: float) -> list[float]:
    """Run one create after the other for so long; return the latency of each in milliseconds."""
    latencies, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        await create.run()
        latencies.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(PAUSE)
    return latencies


async def _validate_all(client: Client, at_once: int | None) -> Handle:
    """Start the validation of all; return when its first subscriptions are validated."""
    handle: Handle = await client.start_workflow(
        ValidateSubscriptions.run,
        ValidateSubscriptionsForm(at_once=at_once),
        id=f"validate_subscriptions-{uuid4()}",
        task_queue=TASK_QUEUE,
    )
    for _ in range(600):
        if await _total(handle) >= 2 * WORKERS:
            return handle
        await asyncio.sleep(0.1)
    raise BenchFailed("The validation of all does not begin")


async def _total(handle: Handle) -> int:
    return (await handle.query(ValidateSubscriptions.totals)).total


async def _most_events(client: Client, workflow_id: str) -> int:
    runs = [one async for one in client.list_workflows(f"WorkflowId = '{workflow_id}'")]
    lengths = [
        (await client.get_workflow_handle(one.id, run_id=one.run_id).describe()).history_length
        for one in runs
    ]
    return max(lengths)


def _memory(addresses: Addresses) -> list[float]:
    pids = [pid for name, pid in addresses.pids.items() if name.startswith("worker")]
    return [psutil.Process(pid).memory_info().rss / 2**20 for pid in pids]


def rows(result: Result) -> Sequence[tuple[str, str]]:
    """Return the result as a person reads it."""
    hours = result.subscriptions / result.validations_per_second / 3600
    before, after = (
        " and ".join(f"{one:.0f}" for one in memory)
        for memory in (result.memory_before_mib, result.memory_after_mib)
    )
    return [
        ("create alone, p50 and p95", f"{result.idle_p50_ms:.0f} and {result.idle_p95_ms:.0f} ms"),
        ("create meanwhile", f"{result.meanwhile_p50_ms:.0f} and {result.meanwhile_p95_ms:.0f} ms"),
        ("p95 meanwhile, divided by p95 alone", f"{result.ratio:.2f}"),
        ("validations per second", f"{result.validations_per_second:.1f}"),
        (f"hours for {result.subscriptions:,}", f"{hours:.1f}"),
        ("events of the longest history", str(result.most_events)),
        ("memory of the workers, MiB, before and after", f"{before}; {after}"),
    ]


@click.command()
@click.option("--subscriptions", type=click.IntRange(BLOCK), default=100_000, show_default=True)
@click.option("--seconds", type=click.IntRange(10), default=120, show_default=True, help="Of the validation.")
@click.option("--at-once", type=click.IntRange(1, 100), help="Validations at the same time.  [default: 2]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document on stdout, nothing else.")
def main(*, subscriptions: int, seconds: int, at_once: int | None, as_json: bool) -> None:
    """Measure creates while all subscriptions are validated."""
    try:
        require_nothing_configured()
        directory = Path(tempfile.mkdtemp(prefix="batch-"))
        output.say(f"In {directory}")
        with embedded_stack(directory, workers=WORKERS, mends=False) as addresses:
            result = asyncio.run(measure(addresses, subscriptions, seconds, at_once))
    except (ConfigurationError, StackFailed, BenchFailed, RPCError, psutil.Error, *NO_ANSWER) as error:
        output.complain(str(error) or type(error).__name__)
        sys.exit(1)
    shutil.rmtree(directory)
    if as_json:
        print_json(result)
    else:
        output.print_facts(dict(rows(result)))


if __name__ == "__main__":
    run_program(main, stop_like_ctrl_c=True)
