"""The figures of a run, and what follows from them for a higher rate; pure."""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict

from trials.bench.figures import Machine, Spread

WORKERS = (1, 2, 4)
"""Numbers of worker processes that are compared."""
RATES = (100, 1_000, 10_000)
"""Creates per second to compute the needs of."""
BUSY = 0.7
"""Share of a core that a worker process uses when it is well loaded: Python runs on one core."""
DAY = 24 * 60 * 60


class Need(StrEnum):
    """What one create needs."""

    PER_SECOND = "per_second"  # how many ended per second; the only one that is no need
    CPU_WORKERS_MS = "cpu_workers_ms"
    CPU_POSTGRESQL_MS = "cpu_postgresql_ms"
    CPU_SERVER_MS = "cpu_server_ms"  # of Temporal's development server, which keeps all in one file
    CONNECTION_MS = "connection_ms"  # how long it keeps connections to PostgreSQL busy, added up
    CONNECTIONS = "connections"  # open connections of all workers, at most
    WAL_BYTES = "wal_bytes"  # what PostgreSQL writes to its log
    STORED_BYTES = "stored_bytes"  # by which the database grows
    EVENTS = "events"  # of its history
    HISTORY_BYTES = "history_bytes"
    ACTIONS = "actions"  # that Temporal Cloud would bill


Needs = dict[Need, float]


class Result(BaseModel):
    """The result of a run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    machine: Machine
    rounds: int
    creates: int
    """Creates in each round, for each number of workers."""
    concurrency: int
    """Creates at a time."""
    needs: dict[int, dict[Need, Spread]]
    """What one create needs, by the number of workers."""

    @classmethod
    def of(
        cls,
        machine: Machine,
        rounds: Sequence[dict[int, Needs]],
        *,
        creates: int,
        concurrency: int,
    ) -> Self:
        """Summarize the rounds."""
        needs = {
            workers: {need: Spread.of([one[workers][need] for one in rounds]) for need in Need}
            for workers in rounds[0]
        }
        return cls(machine=machine, rounds=len(rounds), creates=creates, concurrency=concurrency, needs=needs)


class Demand(BaseModel):
    """What so many creates per second need, computed from what one needs."""

    model_config = ConfigDict(frozen=True)

    rate: int
    workers: int
    """Worker processes, each with `BUSY` of a core."""
    postgresql_cores: float
    busy_connections: float
    """Connections that are in use at any time."""
    wal_megabytes: float
    """A second."""
    stored_gigabytes: float
    """A day."""
    events: float
    """A second."""
    actions: float
    """A second, as Temporal Cloud bills them."""


def demand(needs: dict[Need, Spread], rate: int) -> Demand:
    """Return what so many creates per second need, if each needs as much as measured."""
    one = {need: spread.median for need, spread in needs.items()}
    return Demand(
        rate=rate,
        workers=math.ceil(rate * one[Need.CPU_WORKERS_MS] / 1000 / BUSY),
        postgresql_cores=rate * one[Need.CPU_POSTGRESQL_MS] / 1000,
        busy_connections=rate * one[Need.CONNECTION_MS] / 1000,
        wal_megabytes=rate * one[Need.WAL_BYTES] / 1e6,
        stored_gigabytes=rate * one[Need.STORED_BYTES] * DAY / 1e9,
        events=rate * one[Need.EVENTS],
        actions=rate * one[Need.ACTIONS],
    )
