"""A real Prometheus, which scrapes the workers of a stack and evaluates the rule file."""

import asyncio
import json
import re
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from settings import ROOT
from stack.ports import free_port

RULES = ROOT / "deploy" / "prometheus" / "alerts.yml"

CONFIGURATION = """
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
scrape_configs:
  - job_name: subscriptions
    file_sd_configs: [{files: [targets.json], refresh_interval: 1s}]
"""

PATIENCE = 60.0
"""Seconds for Prometheus to start, on a machine that is busy."""

UNITS = {"s": 1, "m": 60, "h": 3600}


class PrometheusMissing(Exception):
    """Prometheus is not installed, or does not start."""


def find_program(name: str) -> str:
    """Return the path of `prometheus` or `promtool`.

    Raises:
        PrometheusMissing: when it is not on the PATH.
    """
    found = shutil.which(name)
    if found is None:
        raise PrometheusMissing(
            f'{name} is not on the PATH: install Prometheus, for example with "apt-get install prometheus"'
        )
    return found


def shortened(rules: str, factor: float) -> str:
    """Return the rules with all their times divided by a factor.

    A `for` lasts at least 1 second, and a range at least 10, so that it holds a few scrapes. Thresholds from
    300 seconds on are times, too; those below are latencies, and stay.
    """

    def divided(found: re.Match[str], least: float) -> str:
        return f"{max(round(int(found[2]) * UNITS[found[3]] / factor), least):.0f}s"

    rules = re.sub(r"(for: )(\d+)([smh])\b", lambda found: found[1] + divided(found, 1), rules)
    rules = re.sub(r"(\[)(\d+)([smh])\]", lambda found: f"[{divided(found, 10)}]", rules)
    rules = re.sub(r"(offset )(\d+)([smh])\b", lambda found: found[1] + divided(found, 10), rules)
    return re.sub(r"> (\d{3,})\b", lambda found: f"> {int(found[1]) / factor:g}", rules)


class Prometheus:
    """A running Prometheus."""

    def __init__(self, url: str, directory: Path) -> None:
        self.url = url
        self._directory = directory

    def scrape(self, addresses: list[str]) -> None:
        """Scrape these addresses from now on, and no others."""
        new = self._directory / "targets.new"
        new.write_text(json.dumps([{"targets": sorted(addresses)}]))
        new.rename(self._directory / "targets.json")

    async def ask(self, query: str) -> list[dict[str, Any]]:
        """Return the series that a query has now.

        Raises:
            urllib.error.HTTPError: when the query is wrong.
        """
        path = f"{self.url}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        answer = await asyncio.to_thread(_get, path)
        series: list[dict[str, Any]] = json.loads(answer)["data"]["result"]
        return series

    async def fired(self) -> set[str]:
        """Return the names of the alerts that have fired until now."""
        series = await self.ask('count by (alertname) (last_over_time(ALERTS{alertstate="firing"}[1h]))')
        return {one["metric"]["alertname"] for one in series}


@asynccontextmanager
async def open_prometheus(directory: Path, *, factor: float = 1) -> AsyncIterator[Prometheus]:
    """Run a Prometheus on a free port of this machine; stop it at the end.

    Args:
        directory: for its configuration, its data and its log.
        factor: what the times of the rules are divided by.

    Raises:
        PrometheusMissing: when it is not installed, or does not start.
    """
    program, address = find_program("prometheus"), f"127.0.0.1:{free_port()}"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "rules.yml").write_text(
        shortened(RULES.read_text(), factor) if factor > 1 else RULES.read_text()
    )
    (directory / "prometheus.yml").write_text(CONFIGURATION)
    started = Prometheus(f"http://{address}", directory)
    started.scrape([])
    with (directory / "prometheus.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: ASYNC220  # returns at once
            [
                program,
                f"--config.file={directory / 'prometheus.yml'}",
                f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        await _until_ready(started, process, directory)
        yield started
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait)


async def _until_ready(started: Prometheus, process: subprocess.Popen[bytes], directory: Path) -> None:
    give_up = asyncio.get_running_loop().time() + PATIENCE
    while True:
        try:
            await asyncio.to_thread(_get, f"{started.url}/-/ready")
        except OSError:
            if process.poll() is not None or asyncio.get_running_loop().time() > give_up:
                raise PrometheusMissing(
                    f"Prometheus does not start; see {directory}/prometheus.log"
                ) from None
            await asyncio.sleep(0.1)
        else:
            return


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:  # noqa: S310  # our own server
        text: str = answer.read().decode()
    return text
