"""The faults: a plan of when each one strikes, and the code that causes it from outside the programs."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

import asyncpg

from services.fake_faults import Fault
from stack.addresses import Addresses
from stack.embedded import held_back
from trials.client import ChaosClient
from trials.proxy import Proxy
from trials.systems import OutsideSystem

FREEZE = 30.0
"""Seconds that a worker is frozen: far longer than the heartbeat timeout, so another worker gets its work."""

WEIGHTS = {
    "kill a worker": 5,
    "kill Temporal": 3,
    "stop PostgreSQL immediately": 3,
    "freeze a worker": 2,
    "cut connections": 5,
    "delay connections": 3,
    "refuse connections": 3,
    "abort a process": 6,
    "answer lost": 5,
    "unreachable": 4,
    "slow": 2,
    "reject": 5,
}
"""Relative frequency of each kind of fault; each strikes at least once."""


@dataclass(frozen=True)
class Planned:
    """A fault, and when it strikes."""

    at: float
    """Seconds after the start of the run."""
    kind: str


def plan(random: Random, seconds: float, faults: int) -> list[Planned]:
    """Return this number of faults over this time, each kind at least once if the number allows it."""
    kinds = random.sample(list(WEIGHTS), len(WEIGHTS))
    kinds += random.choices(list(WEIGHTS), list(WEIGHTS.values()), k=max(faults - len(kinds), 0))
    moments = sorted(random.uniform(0.02, 0.9) * seconds for _ in range(faults))
    kinds = kinds[:faults]
    random.shuffle(kinds)
    return [Planned(at, kind) for at, kind in zip(moments, kinds, strict=True)]


class Saboteur:
    """Causes the faults, and ends those that last."""

    def __init__(
        self,
        directory: Path,
        proxies: Sequence[Proxy],
        systems: Sequence[OutsideSystem],
        client: ChaosClient,
        random: Random,
    ) -> None:
        self._directory = directory
        self._proxies = proxies
        self._systems = systems
        self._client = client
        self._random = random
        self._frozen: set[int] = set()
        self.made: Counter[str] = Counter()
        """Number of faults that struck, by kind."""

    async def strike(self, planned: Sequence[Planned], say: Callable[[str], None]) -> None:
        """Cause each of these faults at its time; return when the last one has ended."""
        began = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            for fault in planned:
                await asyncio.sleep(max(0.0, began + fault.at - asyncio.get_running_loop().time()))
                say(f"{fault.at:6.1f} s  {fault.kind}")
                group.create_task(self._make(fault.kind))

    async def _make(self, kind: str) -> None:
        made = await self._makers()[kind]()
        self.made[kind] += made

    def _makers(self) -> dict[str, Callable[[], Awaitable[bool]]]:
        return {
            "kill a worker": lambda: self._kill(self._a_worker() or "worker", signal.SIGKILL),
            "kill Temporal": lambda: self._kill("temporal", signal.SIGKILL),
            "stop PostgreSQL immediately": lambda: self._kill("postgres", signal.SIGQUIT),
            "freeze a worker": self._freeze,
            "cut connections": self._cut,
            "delay connections": self._delay,
            "refuse connections": self._refuse,
            "abort a process": self._abort,
            "answer lost": lambda: self._order(Fault(kind="answer lost", times=3)),
            "unreachable": lambda: self._order(Fault(kind="unreachable", times=3)),
            "slow": lambda: self._order(Fault(kind="slow", seconds=2, times=3)),
            "reject": lambda: self._order(Fault(kind="reject", times=1)),
        }

    async def _kill(self, name: str, number: signal.Signals) -> bool:
        # Keep it down for a while; an instant restart would hardly be noticed.
        down = held_back(self._directory)
        await asyncio.to_thread(down.__enter__)
        try:
            pid = self._pids().get(name)
            if pid is None or pid in self._frozen:
                return False
            with suppress(ProcessLookupError):
                os.kill(pid, number)
            await asyncio.sleep(self._random.uniform(0, 3))
        finally:
            down.__exit__(None, None, None)
        return True

    async def _freeze(self) -> bool:
        # Freeze it during its calls: it resumes in the middle of work that another worker has finished.
        pid = self._pids().get(self._a_worker() or "worker")
        if pid is None or self._frozen:
            return False
        self._frozen.add(pid)
        try:
            await self._order(Fault(kind="slow", seconds=3, times=4))
            await asyncio.sleep(1)
            os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(FREEZE)
        except ProcessLookupError:
            return False
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
            self._frozen.discard(pid)
        return True

    async def _cut(self) -> bool:
        return self._random.choice(self._proxies).cut() > 0

    async def _delay(self) -> bool:
        proxy = self._random.choice(self._proxies)
        proxy.delay = self._random.uniform(0.05, 0.5)
        await asyncio.sleep(self._random.uniform(2, 6))
        proxy.delay = 0
        return True

    async def _refuse(self) -> bool:
        proxy = self._random.choice(self._proxies)
        proxy.refuses = True
        proxy.cut()
        await asyncio.sleep(self._random.uniform(1, 6))
        proxy.refuses = False
        return True

    async def _abort(self) -> bool:
        return await self._client.abort_one() is not None

    async def _order(self, fault: Fault) -> bool:
        system = self._random.choice(self._systems)
        while True:
            try:
                await system.order(fault)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await asyncio.sleep(0.5)  # the database of the fake is down, too
            else:
                return True

    def _a_worker(self) -> str | None:
        workers = sorted(name for name in self._pids() if name.startswith("worker"))
        # No worker runs while the stack restarts on other ports.
        return self._random.choice(workers) if workers else None

    def _pids(self) -> dict[str, int]:
        found = Addresses.read(self._directory)
        return found.pids if found else {}
