"""How every program begins and ends."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from settings import ROOT
from tests.starting import Program

PAUSE = """
import atexit, time
from program import run_program

def main():
    ended = time.monotonic()
    atexit.unregister(tell)
    tell.ended = ended
    return 3

def tell():
    print(time.monotonic() - tell.ended)

atexit.register(lambda: tell())  # the first to register is the last to run
run_program(main)
"""
SLEEP = """
import time
from program import run_program

def main():
    try:
        print("began", flush=True)
        time.sleep(30)
    except KeyboardInterrupt:
        print("stopped")
        return 130

run_program(main, stop_like_ctrl_c=True)
"""
PROGRAMS = ["cli.demo", "trials.bench", "trials.chaos", "trials.soak"]


def main_modules() -> Iterable[Path]:
    for path in [*ROOT.glob("*.py"), *(ROOT / "cli").glob("*.py"), *(ROOT / "trials").rglob("*.py")]:
        if '__name__ == "__main__"' in path.read_text():
            yield path


def test_every_program_is_run_the_same_way() -> None:
    own = [path.name for path in main_modules() if "    run_program(" not in path.read_text()]
    assert len(list(main_modules())) > 7
    assert own == []


async def test_a_program_exits_with_its_code_after_a_pause() -> None:
    ended = await Program(dict(os.environ), ("-c", PAUSE))()
    assert ended.code == 3, ended.stderr
    assert float(ended.stdout) >= 0.05


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
async def test_a_program_that_is_told_to_stop_stops_in_order(number: int) -> None:
    process = await Program(dict(os.environ), ("-c", SLEEP)).start()
    assert process.stdout is not None
    assert await process.stdout.readline() == b"began\n"
    process.send_signal(number)
    assert await process.communicate() == (b"stopped\n", b"")
    assert process.returncode == 130


@pytest.mark.parametrize("program", PROGRAMS)
async def test_a_program_with_its_own_stack_refuses_services(program: str) -> None:
    configured = os.environ | {"DATABASE_URL": "postgresql://somebody@elsewhere/subscriptions"}
    ended = await Program(configured, ("-m", program))()
    assert (ended.code, ended.stdout) == (1, "")
    assert ended.stderr.startswith("Error: This program starts its own services: unset ")
    assert len(ended.stderr.splitlines()) == 1


async def test_a_worker_does_not_import_the_command_line() -> None:
    program = "import sys, worker; print(sorted({'click', 'rich', 'cli'} & sys.modules.keys()))"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert (await process.communicate())[0] == b"[]\n"
