"""The starter, in this process or as a separate program, with the servers of the tests."""

import asyncio
import io
import json
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from cli.commands import run
from settings import ROOT


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        return json.loads(self.stdout)


def run_here(arguments: Sequence[str]) -> Ended:
    """Run a command line as `starter.py` does, with streams as strict as those of a program.

    It replaces the streams of the whole process, so only one command can run at a time.
    """
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")
    err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="", errors="backslashreplace")
    with redirect_stdout(out), redirect_stderr(err), patch("sys.stdin", io.StringIO()):
        code = run(list(arguments))
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())
    return Ended(code, *texts)


@dataclass(frozen=True)
class Program:
    """A program without its last arguments."""

    environment: dict[str, str]
    beginning: tuple[str, ...]
    """Arguments for Python."""
    directory: Path = ROOT

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *self.beginning,
            *arguments,
            cwd=self.directory,
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


class Starter:
    """Runs the command line in this process, so that a command starts at once."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.program = Program(environment, ("starter.py",))

    async def __call__(self, *arguments: str) -> Ended:
        with patch.dict(os.environ, self.environment, clear=True):
            return await asyncio.to_thread(run_here, arguments)
