"""What the comparison with other engines computes, and what it shows."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from settings import ROOT
from tests.docs.pages import tables
from trials.peers.__main__ import Comparison
from trials.peers.clients import Program, cpu_seconds, open_client
from trials.peers.environments import HERE, PeerFailed, last_line, lock_file, locked_version, run
from trials.peers.figures import FLOOR, HEAD, OURS, Figures, Load, Sample, SystemFigures, failures, rows
from trials.peers.load import put_load
from trials.peers.shared_postgres import SharedPostgres
from trials.peers.systems import PEERS, Running, Surroundings, System, all_systems

PAGE = ROOT / "docs" / "peers.md"
COMMITTED = ROOT / "docs" / "peers.json"
LOAD = Load(rounds=2, warm_up=0, alone=0, together=0, concurrency=1)


def system(name: str, *rates: float, failure: str | None = None) -> SystemFigures:
    samples = [
        Sample(
            creates_per_second=rate,
            latency_p50_ms=1000 / rate,
            latency_p95_ms=2000 / rate,
            cpu_ms_per_create={"workers": 20, "client": 5},
        )
        for rate in rates
    ]
    return SystemFigures(name=name, samples=samples, failure=failure)


def figures(*systems: SystemFigures) -> Figures:
    return Figures(
        cores=2,
        load_average=(0, 0, 0),
        python="3.11",
        temporalio="1",
        postgresql="18",
        load=LOAD,
        systems=list(systems),
    )


def test_the_fastest_system_comes_first_with_its_ratios() -> None:
    found = rows(figures(system(OURS, 20), system(FLOOR, 80), system("other", 40)))
    assert found == [
        (FLOOR, "80.0", "12", "25", "4.00", "1.00"),
        ("other", "40.0", "25", "25", "2.00", "0.50"),
        (OURS, "20.0", "50", "25", "1.00", "0.25"),
    ]


def test_more_rounds_give_a_median_with_its_spread() -> None:
    (row,) = rows(figures(system("other", 10, 40, 20)))
    assert row[:3] == ("other", "20.0 (10.0 to 40.0)", "50 (25 to 100)")


def test_no_ratio_is_shown_without_its_reference() -> None:
    (row,) = rows(figures(system("other", 10), system(OURS, failure="port taken")))
    assert row[-2:] == ("", "")


def test_a_system_that_failed_is_told_in_one_line() -> None:
    found = figures(system(OURS, 20), system("other", failure="no such file"))
    assert failures(found) == ["other: no such file"]
    assert [row[0] for row in rows(found)] == [OURS]


def test_the_table_of_the_page_is_that_of_the_committed_figures() -> None:
    committed = Figures.model_validate_json(COMMITTED.read_bytes())
    text = PAGE.read_text()
    assert rows(committed) in tables(text)
    assert "| " + " | ".join(HEAD) + " |" in text


def test_the_table_of_the_readme_has_the_committed_figures() -> None:
    committed = Figures.model_validate_json(COMMITTED.read_bytes())
    assert [row[:4] for row in rows(committed)] in tables((ROOT / "README.md").read_text())


def test_the_page_names_the_version_of_every_system() -> None:
    text = PAGE.read_text()
    for peer in PEERS:
        version = locked_version(lock_file(peer.folder).read_text(), peer.distribution)
        assert f"{peer.distribution} {version}" in text


@pytest.mark.parametrize("lock", sorted(HERE.glob("*.lock")), ids=lambda path: path.stem)
def test_a_lock_file_has_hashes_and_no_address(lock: Path) -> None:
    text = lock.read_text()
    assert len(re.findall(r"^\S+==", text, re.MULTILINE)) > 2
    assert "--hash=sha256:" in text
    assert not re.search(r"://|--index|--find-links", text)


def test_every_system_is_compared_as_documented_and_tuned() -> None:
    names = [one.name for one in all_systems()]
    assert names[:2] == [FLOOR, OURS]
    assert len(names) == len(set(names)) == 2 + 2 * len(PEERS)


class NoPostgres(SharedPostgres):
    """Stands in for the server in tests that start no database."""

    @contextmanager
    def new_database(self, name: str, template: str = "template1") -> Iterator[str]:
        yield self.database_url(name)


@contextmanager
def fail(around: Surroundings) -> Iterator[Running]:
    raise PeerFailed("it does not run here")
    yield


def test_a_system_that_does_not_run_hides_no_other(tmp_path: Path) -> None:
    comparison = Comparison(tmp_path, LOAD)
    comparison._samples = {"other": system("other", 10).samples}
    server = NoPostgres(pid=1, url="postgresql://postgres:@/postgres?host=/run/data", programs=tmp_path)
    comparison._measure(System("broken", "template1", fail), 1, server)
    found = figures(comparison._figures("broken"), comparison._figures("other"))
    assert failures(found) == ["broken: it does not run here"]
    assert [row[0] for row in rows(found)] == ["other"]


def test_a_database_has_a_url_for_asyncpg_and_one_for_sqlalchemy() -> None:
    server = SharedPostgres.model_validate(
        {"pid": 1, "url": "postgresql://postgres:@/postgres?host=/run/data", "programs": "/bin"}
    )
    assert server.database_url("one") == "postgresql://postgres@/one?host=/run/data"
    assert server.sqlalchemy_url("one") == "postgresql+psycopg://postgres@localhost/one?host=/run/data"


def test_the_load_keeps_as_many_creates_running_as_told() -> None:
    now, most = 0, 0

    async def create() -> None:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.01)
        now -= 1

    latencies, seconds = asyncio.run(put_load(create, 0.05, 3))
    assert (now, most) == (0, 3)
    assert len(latencies) >= 6
    assert seconds >= 0.05


def test_a_create_that_fails_ends_the_load() -> None:
    async def create() -> None:
        raise RuntimeError("refused")

    with pytest.raises(RuntimeError, match="refused"):
        asyncio.run(put_load(create, 1, 2))


CLIENT = """
import asyncio
from load import serve
async def create():
    await asyncio.sleep(0.001)
asyncio.run(serve(create))
"""


def test_a_client_answers_each_request(tmp_path: Path) -> None:
    program = Program([sys.executable, "-c", CLIENT], {"PYTHONPATH": str(HERE)})
    with open_client(program, tmp_path / "log") as client:
        first, second = client.put_load(0.02, 1), client.put_load(0.02, 4)
        assert client.created == len(first.latencies) + len(second.latencies)
        assert second.seconds >= 0.02


def test_a_client_that_dies_is_told_with_its_last_line(tmp_path: Path) -> None:
    program = Program([sys.executable, "-c", "raise SystemExit('no database')"], {})
    with (
        open_client(program, tmp_path / "log") as client,
        pytest.raises(PeerFailed, match="the client ended: no database"),
    ):
        client.put_load(0, 1)


def test_a_program_that_fails_is_told_with_its_last_line() -> None:
    with pytest.raises(PeerFailed, match=r"-c ended with 1: no such wheel$"):
        run([sys.executable, "-c", "raise SystemExit('first\\nno such wheel')"])


def test_a_program_that_prints_nothing_is_told_so() -> None:
    assert last_line(" \n") == "no output"


def test_the_cpu_time_includes_ended_children() -> None:
    before = cpu_seconds([os.getpid()])
    subprocess.run([sys.executable, "-c", "sum(range(3_000_000))"], check=True)
    assert cpu_seconds([os.getpid()]) > before
