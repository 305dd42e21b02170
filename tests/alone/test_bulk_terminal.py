"""What a person sees of a bulk on a terminal of 80 columns, and types into it."""

import asyncio
import re
import signal
from pathlib import Path

import pytest

from orchestrator.database.connection import Pool
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from tests.alone.test_apply import ids, names, rewrite
from tests.processes import eventually
from tests.starting import Starter
from tests.terminal import Terminal, on_terminal


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Three groups to create, in a file with a long name."""
    path = tmp_path / "groups of the northern region, second attempt.csv"
    rewrite(path, "action,product,group_name\n" + "".join(f"create,User Group,{one}\n" for one in "abc"))
    return path


async def test_a_list_of_bulks_fits_80_columns(starter: Starter, file: Path) -> None:
    applied = (await starter("apply", str(file), "--json")).document["bulk"]
    shown = await asyncio.to_thread(on_terminal, starter.environment, "bulk")
    assert max(map(len, shown.stdout.splitlines())) <= 80
    assert "…" not in shown.stdout
    words = " ".join(shown.stdout.split())
    assert f"{applied['bulk_id'][:8]} 3 3 0 0 0 " in words
    assert file.name in words


async def test_the_progress_of_a_bulk_is_shown(starter: Starter, file: Path) -> None:
    shown = await asyncio.to_thread(on_terminal, starter.environment, "apply", str(file))
    assert shown.code == 0
    assert re.search(r"\d/3 +\d+\.\d/s", shown.stdout)
    assert re.search(r"completed +3\b", shown.stdout)


async def test_rows_that_terminate_are_asked_about(starter: Starter, file: Path, pool: Pool) -> None:
    await starter("apply", str(file))
    there = await ids(pool)
    rewrite(file, f"action,product,subscription_id\nterminate,User Group,{there['a']}\n")
    terminal = await asyncio.to_thread(Terminal.open, starter.environment, "apply", str(file))
    await asyncio.to_thread(terminal.until, "to terminate 1 subscription? [y/N]")
    terminal.type("n\n")
    refused = await asyncio.to_thread(terminal.ended)
    assert (refused.code, await names(pool, "terminated")) == (130, [])
    terminal = await asyncio.to_thread(Terminal.open, starter.environment, "apply", str(file))
    await asyncio.to_thread(terminal.until, "[y/N]")
    terminal.type("y\n")
    accepted = await asyncio.to_thread(terminal.ended)
    assert (accepted.code, await names(pool, "terminated")) == (0, ["a"])


async def test_ctrl_c_leaves_a_bulk_running(
    starter: Starter, file: Path, groups: FakeGroupManagement, pool: Pool
) -> None:
    await groups.system.order(Fault(kind="slow", seconds=2))
    following = await starter.program.start("apply", str(file), "--at-once", "1")
    await eventually(lambda: pool.fetchval("SELECT true FROM processes"))
    following.send_signal(signal.SIGINT)
    _, stderr = await following.communicate()
    await groups.system.clear_faults()
    bulk_id = str(await pool.fetchval("SELECT bulk_id FROM bulks"))
    assert following.returncode == 130
    assert f"starter.py bulk {bulk_id} --follow" in stderr.decode()
    assert (await starter("bulk", bulk_id, "--follow")).code == 0
    assert await names(pool) == ["a", "b", "c"]
