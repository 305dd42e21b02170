"""A run: one new PostgreSQL with a small and a large database, in which everything is measured in turns."""

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from cli import output
from orchestrator.database.connection import connect
from settings import Settings
from stack.postgres import start_postgres, stop_postgres
from trials.growth.database import Filled
from trials.growth.figures import Figure, Load, Result, Times, figure, medians
from trials.growth.filling import BLOCK, fill
from trials.growth.lists import every_list
from trials.growth.subjects import every_subject
from trials.workload import Start, simplest_create
from worker import prepare_databases

PAGE = 50
"""Rows of a full page: what the commands list unless they are told otherwise."""
WARM_UP = 10
"""How often each subject runs before it is measured: after five times PostgreSQL may keep a plan."""
NOBODY = "127.0.0.1:1"
"""Address of a Temporal that is not asked."""

PREPARE = (
    "CREATE DATABASE small",
    "CREATE DATABASE large",
    # Nothing would be lost if it did not survive, and nothing else may run while it is measured.
    "ALTER SYSTEM SET fsync = off",
    "ALTER SYSTEM SET full_page_writes = off",
    "ALTER SYSTEM SET max_wal_size = '16GB'",
    "ALTER SYSTEM SET checkpoint_timeout = '1h'",
    "ALTER SYSTEM SET autovacuum = off",
    "SELECT pg_reload_conf()",
)

Run = Callable[[Filled], Awaitable[object]]


@dataclass(frozen=True)
class Subject:
    """Something that is measured in both databases."""

    name: str
    run: Run
    rows: int | None = None
    """Rows of the list, the same in both databases; `None` if it is no list."""
    page: Run | None = None
    """Reads a full page of the list; `None` if it is no list."""


@dataclass(frozen=True)
class Pair:
    """The two databases."""

    small: Filled
    large: Filled


def run(load: Load) -> Result:
    """Fill two databases of a new server and measure in both.

    Raises:
        StackFailed: when PostgreSQL does not start.
    """
    directory = Path(tempfile.mkdtemp(prefix="growth-"))
    output.say(f"In {directory}")
    _, url = start_postgres(directory / "postgres")
    try:
        return asyncio.run(_run(url, load))
    finally:
        stop_postgres(directory / "postgres")
        shutil.rmtree(directory)


async def _run(url: str, load: Load) -> Result:
    connection = await connect(url)
    try:
        for statement in PREPARE:
            await connection.execute(statement)
        create = simplest_create(Random(0))
        async with AsyncExitStack() as stack:
            small, _ = await _filled(stack, url, "small", load.small, create)
            large, seconds = await _filled(stack, url, "large", load.large, create)
            load_average = os.getloadavg()
            figures = await _measured(Pair(small, large), create, load)
        size = await connection.fetchval("SELECT pg_database_size('large')")
        postgresql = await connection.fetchval("SHOW server_version")
    finally:
        await connection.close()
    return Result(
        cores=os.cpu_count(),
        load_average=load_average,
        postgresql=postgresql,
        load=load,
        filled_in=round(seconds),
        gigabytes=round(size / 1e9, 1),
        figures=figures,
    )


async def _filled(
    stack: AsyncExitStack, url: str, name: str, subscriptions: int, create: Start
) -> tuple[Filled, float]:
    """Fill the database with this name; return it with the seconds that took."""
    endpoints = Settings().at(temporal_address=NOBODY, database_url=url.replace("/postgres?", f"/{name}?"))
    await prepare_databases(endpoints)
    began = time.monotonic()
    await fill(endpoints.database_url.get_secret_value(), subscriptions // BLOCK, output.say)
    seconds = time.monotonic() - began
    return await stack.enter_async_context(Filled.open(endpoints, create, subscriptions // BLOCK)), seconds


async def _measured(pair: Pair, create: Start, load: Load) -> dict[str, Figure]:
    subjects = await _subjects(pair, create)
    await _round(subjects, pair, WARM_UP)
    rounds = []
    for number in range(load.rounds):
        output.say(f"Round {number + 1} of {load.rounds}")
        rounds.append(await _round(subjects, pair, load.times))
    return {one.name: figure([found[one.name] for found in rounds], one.rows) for one in subjects}


async def _subjects(pair: Pair, create: Start) -> list[Subject]:
    """Return what is measured, without lists that find nothing in the small database."""
    lists = []
    for one in every_list():
        small, large = await one.read(pair.small, PAGE), await one.read(pair.large, PAGE)
        rows = min(small, large)
        if rows:
            # The same rows in both: all that there are, as a command asks for them, or so many.
            read = partial(one.read, limit=PAGE if small == large else rows)
            lists.append(Subject(one.name, read, rows, partial(one.read, limit=PAGE)))
    return [*lists, *(Subject(name, run) for name, run in every_subject(create).items())]


async def _round(subjects: Sequence[Subject], pair: Pair, times: int) -> dict[str, Times]:
    """Return the medians of each subject when all take turns so many times."""
    found: dict[str, list[Times]] = {one.name: [] for one in subjects}
    for number in range(times):
        for one in subjects:
            # Each is second as often as the other: the second finds its code in the caches of the processor.
            if number % 2:
                small, large = await _timed(one.run, pair.small), await _timed(one.run, pair.large)
            else:
                large, small = await _timed(one.run, pair.large), await _timed(one.run, pair.small)
            page = None if one.page is None else await _timed(one.page, pair.large)
            found[one.name].append(Times(small, large, page))
    return {name: medians(measured) for name, measured in found.items()}


async def _timed(run: Run, filled: Filled) -> float:
    began = time.perf_counter()
    await run(filled)
    return (time.perf_counter() - began) * 1000
