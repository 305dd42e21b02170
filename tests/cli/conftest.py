"""The starter as a program of its own, against the services of the tests."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from temporalio.client import Client

from settings import ROOT, Settings
from worker import open_worker


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        return json.loads(self.stdout)


class Starter:
    """Runs `starter.py` with the given services."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            str(ROOT / "starter.py"),
            *arguments,
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def __call__(self, *arguments: str) -> Ended:
        process = await self.start(*arguments)
        async with asyncio.timeout(60):
            stdout, stderr = await process.communicate()
        assert process.returncode is not None
        return Ended(process.returncode, stdout.decode(), stderr.decode())


@pytest.fixture(scope="session")
def environment(settings: Settings) -> dict[str, str]:
    services = {
        "TEMPORAL_ADDRESS": settings.temporal["target_host"],
        "DATABASE_URL": settings.database_url or "",
    }
    return os.environ | services


@pytest.fixture(scope="session")
def starter_without_worker(environment: dict[str, str]) -> Starter:
    return Starter(environment)


@pytest.fixture(scope="session")
async def starter(client: Client, settings: Settings, environment: dict[str, str]) -> AsyncIterator[Starter]:
    async with open_worker(client, settings) as worker, worker:
        yield Starter(environment)
