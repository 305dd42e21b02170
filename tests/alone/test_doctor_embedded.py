"""`starter.py doctor` on the embedded stack, and if nothing runs."""

import os
from pathlib import Path
from unittest.mock import patch

from cli.doctor.examining import examine
from cli.doctor.finding import Finding
from settings import Endpoints
from stack.addresses import Addresses
from stack.keeping import kept_up
from tests.starting import Starter


async def test_nothing_that_runs_is_told_with_make_up(tmp_path: Path) -> None:
    found = await examined_at(tmp_path / "nowhere")
    assert (found["services"].result, found["services"].remedy) == ("failed", "make up")
    assert found["workers"].fact == "there are no services to ask"
    assert not (tmp_path / "nowhere").exists()


async def test_the_embedded_stack_is_examined(starter: Starter, endpoints: Endpoints, tmp_path: Path) -> None:
    Addresses(
        temporal_address=endpoints.temporal["target_host"],
        ui_url="http://127.0.0.1:8233",
        database_url=endpoints.database_url.get_secret_value(),
        pids={"temporal": 1},
    ).write(tmp_path)
    alone = await examined_at(tmp_path)
    with kept_up(tmp_path):
        kept = await examined_at(tmp_path)
    assert (alone["services"].result, alone["services"].remedy) == ("warning", "make up")
    assert (kept["services"].result, kept["role"].result) == ("ok", "ok")
    assert f"GiB free for {tmp_path}" in kept["disk"].fact


async def examined_at(directory: Path) -> dict[str, Finding]:
    """Return what the checks find if nothing is configured, and the embedded stack has this directory."""
    with patch.dict(os.environ, {"PATH": os.environ["PATH"]}, clear=True):
        return {one.check: one for one in (await examine(directory)).checks}
