"""The embedded Temporal: the development server of the real CLI, on a file, with its Web UI."""

import asyncio
import os
import shutil
import socket
import sys
import time
from datetime import timedelta
from pathlib import Path

from google.protobuf.duration_pb2 import Duration
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.workflowservice.v1 import UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from orchestrator.temporal import search_attributes
from stack.detached import has_ended, start_detached
from stack.errors import StackFailed

# The development server has one shard and by default polls its queues 20 times a second: every step would
# wait 50 ms.
FAST_QUEUES = {
    "history.transferProcessorMaxPollRPS": "1000",
    "history.timerProcessorMaxPollRPS": "1000",
}
DATABASE = "temporal.db"
# WAL with normal sync survives a kill at any moment; only a power cut may cost the last moments.
PRAGMAS = ("journal_mode=wal", "synchronous=normal")


RETENTION = timedelta(days=30)
"""How long the history of a closed process is kept; the development server's own default is a day."""


async def keep_histories(client: Client) -> None:
    """Tell the server to keep the histories of closed processes for `RETENTION`; it remembers this."""
    ttl = Duration()
    ttl.FromTimedelta(RETENTION)
    await client.workflow_service.update_namespace(
        UpdateNamespaceRequest(
            namespace=client.namespace, config=NamespaceConfig(workflow_execution_retention_ttl=ttl)
        )
    )


def dynamic_config(values: dict[str, str]) -> list[str]:
    """Return the arguments that set these dynamic configuration values."""
    return [part for key, value in values.items() for part in ("--dynamic-config-value", f"{key}={value}")]


def find_temporal_cli(download_to: Path) -> str:
    """Return the path of the `temporal` CLI: on the PATH, of the environment, or downloaded by the SDK."""
    installed = shutil.which("temporal") or shutil.which("temporal", path=str(Path(sys.executable).parent))
    return installed or _download(download_to)


def _download(directory: Path) -> str:
    # The SDK downloads the CLI only when it starts it; the file stays, under a name that the SDK chooses.
    async def start_and_stop() -> None:
        async with await WorkflowEnvironment.start_local(download_dest_dir=str(directory)):
            pass

    asyncio.run(start_and_stop())
    return next(str(path) for path in directory.glob("temporal*") if os.access(path, os.X_OK))


def start_temporal(directory: Path, *, port: int, ui_port: int) -> int:
    """Start the server on the database file in this directory; return its pid, before it answers."""
    arguments = [
        find_temporal_cli(directory),
        *("server", "start-dev", "--ip", "127.0.0.1", "--log-level", "warn"),
        *("--port", str(port), "--ui-port", str(ui_port)),
        *("--db-filename", str(directory / DATABASE)),
        *(part for pragma in PRAGMAS for part in ("--sqlite-pragma", pragma)),
        *(part for key in search_attributes.ALL for part in ("--search-attribute", f"{key.name}=Keyword")),
        *dynamic_config(FAST_QUEUES),
    ]
    return start_detached(arguments, directory / "temporal.log")


def wait_for_port(address: str, pid: int, *, patience: float) -> bool:
    """Wait until something listens at this address; return False if the process ends before.

    Raises:
        StackFailed: when nothing listens after `patience` seconds.
    """
    host, _, port = address.rpartition(":")
    give_up = time.monotonic() + patience
    while not has_ended(pid):
        try:
            with socket.create_connection((host, int(port)), timeout=1):
                return True
        except OSError as error:
            if time.monotonic() > give_up:
                raise StackFailed(f"Temporal does not listen at {address}; see temporal.log") from error
            time.sleep(0.05)
    return False
