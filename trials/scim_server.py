"""A SCIM server of others, `scim2-server`, as a process that keeps its resources in memory."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from scim2_server.utils import (
    load_default_resource_types,
    load_default_schemas,
    load_default_service_provider_config,
)

from services.scim_resources import EXTENSION
from settings import ROOT
from stack.ports import free_port

TOKEN = "a-token-of-the-trials"  # noqa: S105  # of a server that lives as long as a trial
"""The bearer token that the server accepts."""

DECLARED = ROOT / "docs" / "scim-extension.json"
"""The schemas of the extension, as the documentation gives them."""

STARTED_WITHIN = 120.0
"""Seconds; it takes one or two on an idle machine."""


@asynccontextmanager
async def open_scim_server(*, bare: bool = False) -> AsyncIterator[int]:
    """Run a server on a free port of 127.0.0.1; yield the port.

    A first path segment is a tenant: `/one/v2` and `/two/v2` share nothing.

    Args:
        bare: whether the server does the least: it stores no attributes of this project, has no filters and
            no ETags, and sends two resources at once.
    """
    port = free_port()
    with TemporaryDirectory(prefix="scim-") as directory:
        options = ["--port", str(port), "--bearer-token", TOKEN, "--dynamic-tenants"]
        options += _bare(Path(directory)) if bare else _declared(Path(directory))
        command = [sys.executable, "-m", "scim2_server.testserver.cli", *options]
        quiet = asyncio.subprocess.DEVNULL  # it logs every request
        server = await asyncio.create_subprocess_exec(*command, stdout=quiet, stderr=quiet)
        try:
            async with asyncio.timeout(STARTED_WITHIN):
                await _until_it_listens(server, port)
            yield port
        finally:
            if server.returncode is None:
                server.kill()  # it has nothing to keep
            await server.wait()


def url_of(port: int, tenant: str) -> str:
    """Return the URL of a tenant, with the token."""
    return f"http://{TOKEN}@127.0.0.1:{port}/{tenant}/v2"


def _declared(directory: Path) -> Sequence[str]:
    own = json.loads(DECLARED.read_text())
    schemas = [one.model_dump(mode="json") for one in load_default_schemas().values()] + own
    types = [one.model_dump(mode="json") for one in load_default_resource_types().values()]
    for one in types:
        urn = EXTENSION + one["name"]
        one["schemaExtensions"] = [*one.get("schemaExtensions", []), {"schema": urn, "required": False}]
    for name, content in (("schemas", schemas), ("types", types)):
        (directory / name).write_text(json.dumps(content))
    return "--schema", str(directory / "schemas"), "--resource-type", str(directory / "types")


def _bare(directory: Path) -> Sequence[str]:
    config = load_default_service_provider_config().model_dump(mode="json")
    config["filter"], config["etag"] = {"supported": False, "maxResults": 2}, {"supported": False}
    (directory / "config").write_text(json.dumps(config))
    return "--service-provider-config", str(directory / "config")


async def _until_it_listens(server: asyncio.subprocess.Process, port: int) -> None:
    while server.returncode is None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionRefusedError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise ChildProcessError(f"scim2-server ended with {server.returncode}")
