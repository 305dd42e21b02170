"""The arena of a chaos run: a new embedded stack, with proxies between its workers and its servers."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from stack.addresses import Addresses
from stack.embedded import embedded_stack
from trials.proxy import Proxy, Streams, open_proxy
from trials.scim_systems import open_scim_systems
from trials.systems import External, OutsideSystem, open_fake_systems


@dataclass
class Arena:
    """A running stack, the proxies in front of its servers, and its external systems."""

    directory: Path
    temporal_proxy: str
    """The address at which a client reaches Temporal through its proxy."""
    proxies: tuple[Proxy, ...]
    systems: Sequence[OutsideSystem]


@asynccontextmanager
async def open_arena(directory: Path, workers: int, external: External = "fake") -> AsyncIterator[Arena]:
    """Start a stack in this directory; stop it at the end."""
    async with AsyncExitStack() as stack:
        temporal, port = await stack.enter_async_context(open_proxy(lambda: _temporal(directory)))
        postgres, database_port = await stack.enter_async_context(open_proxy(lambda: _postgres(directory)))
        services = {
            "TEMPORAL_ADDRESS": f"127.0.0.1:{port}",
            "DATABASE_URL": f"postgresql://postgres@127.0.0.1:{database_port}/postgres",
        }
        scim = await stack.enter_async_context(open_scim_systems()) if external == "scim" else None
        services |= {} if scim is None else scim.variables
        # In threads: the proxies must serve connections while this waits for the workers.
        running = embedded_stack(directory, workers=workers, worker_services=services)
        addresses = await asyncio.to_thread(running.__enter__)
        stack.push_async_callback(asyncio.to_thread, running.__exit__, None, None, None)
        on_scim = [] if scim is None else scim.systems
        opening = open_fake_systems(addresses.database_url, without={system.name for system in on_scim})
        systems: list[OutsideSystem] = [*on_scim, *await stack.enter_async_context(opening)]
        yield Arena(directory, services["TEMPORAL_ADDRESS"], (temporal, postgres), systems)


async def _temporal(directory: Path) -> Streams:
    host, _, port = addresses_now(directory).temporal_address.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def _postgres(directory: Path) -> Streams:
    return await connect_to_embedded_postgres(addresses_now(directory).database_url)


async def connect_to_embedded_postgres(database_url: str) -> Streams:
    """Open the socket of an embedded PostgreSQL, and send nothing."""
    folder = parse_qs(urlsplit(database_url).query)["host"][0]
    return await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.5432")


def addresses_now(directory: Path) -> Addresses:
    """Return the present addresses of the servers.

    Raises:
        ConnectionRefusedError: when they have not started yet.
    """
    found = Addresses.read(directory)
    if found is None or not found.database_url:
        raise ConnectionRefusedError("The stack has not started yet")
    return found
