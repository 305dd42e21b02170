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

END = """
import atexit
from program import run_program

class Threads:
    def __del__(self):
        print("the interpreter was torn down")

def main():
    atexit.register(print, "ended in order")
    print("did its work")
    return 3

threads = Threads()
run_program(main)
"""
BUG = """
import temporalio.service
from program import run_program

run_program(lambda: 1 / 0)
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
SERVICE = """
import asyncio, gc
from program import run_program, run_service

async def serve():
    print(type(asyncio.get_running_loop()).__module__, gc.get_freeze_count() > 0)
    return 4

run_program(lambda: run_service(serve()))
"""
PROGRAMS = ["cli.demo", "trials.batch", "trials.bench", "trials.chaos", "trials.scale", "trials.soak"]


def main_modules() -> Iterable[Path]:
    """Yield the programs of this project; those of its peers cannot import it."""
    for path in [*ROOT.glob("*.py"), *(ROOT / "cli").glob("*.py"), *(ROOT / "trials").rglob("*.py")]:
        of_a_peer = path.is_relative_to(ROOT / "trials/peers") and path.parent.name != "peers"
        if not of_a_peer and '__name__ == "__main__"' in path.read_text():
            yield path


def test_every_program_is_run_the_same_way() -> None:
    own = [path.name for path in main_modules() if "    run_program(" not in path.read_text()]
    assert len(list(main_modules())) > 7
    assert own == []


async def test_a_program_exits_with_its_code_and_its_output() -> None:
    """A thread of Temporal's SDK could crash it while Python tears the interpreter down."""
    ended = await Program(dict(os.environ), ("-c", END))()
    assert (ended.code, ended.stdout, ended.stderr) == (3, "did its work\nended in order\n", "")


async def test_a_service_runs_on_the_faster_event_loop() -> None:
    ended = await Program(dict(os.environ), ("-c", SERVICE))()
    assert (ended.code, ended.stdout, ended.stderr) == (4, "uvloop True\n", "")


async def test_a_bug_in_a_program_is_shown() -> None:
    ended = await Program(dict(os.environ), ("-c", BUG))()
    assert ended.code == 1
    assert "ZeroDivisionError" in ended.stderr


async def test_a_program_whose_reader_has_gone_says_so() -> None:
    read, write = os.pipe()
    os.close(read)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", END), cwd=ROOT, stdout=write, stderr=asyncio.subprocess.PIPE
    )
    os.close(write)
    assert b"BrokenPipeError" in (await process.communicate())[1]
    assert process.returncode not in {0, 3}


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
