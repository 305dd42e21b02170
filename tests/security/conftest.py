"""Servers that require certificates and passwords; every secret contains the same word."""

import asyncio
import gc
import os
import signal
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlencode
from uuid import uuid4

import asyncpg
import pytest
import trustme

from orchestrator.database.grants import grant_to_worker
from settings import EXTERNAL_SYSTEMS, Endpoints
from stack.postgres import start_postgres
from tests.conftest import new_database
from tests.endpoints import with_database
from tests.security.tls_front import Connect, postgres_front, temporal_front
from worker import prepare_databases

PLANTED = "opensesame"
"""The word: API key, and password of every role."""

SERVER = "localhost"
"""The only name in the server certificates; the servers listen on 127.0.0.1, which is not in them."""


@pytest.fixture(autouse=True, scope="module")
def collect_what_a_refusal_leaves() -> Iterator[None]:
    """Collect connections that asyncpg does not close after a refusal; they would warn in a later test."""
    yield
    gc.collect()


@pytest.fixture(scope="session")
async def by_password(postgres: str, directory: Path) -> AsyncIterator[str]:
    """The role whose members must give a password."""
    pid, _ = start_postgres(directory / "postgres")
    await _execute(postgres, f"CREATE ROLE {(role := f'role_{uuid4().hex}')}")
    rules = directory / "postgres" / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"local all +{role} scram-sha-256\n{before}")
    os.kill(pid, signal.SIGHUP)
    yield role
    rules.write_text(before)
    os.kill(pid, signal.SIGHUP)


@pytest.fixture(scope="session")
async def owner_url(postgres: str) -> str:
    """The database of the subscriptions, for its owner."""
    return await new_database(postgres)


@pytest.fixture(scope="session")
async def roles(endpoints: Endpoints, owner_url: str, by_password: str) -> dict[str, str]:
    """The roles of a worker and of each external system, on a prepared database."""
    await prepare_databases(with_database(endpoints, owner_url))
    made = {name: f"role_{uuid4().hex}" for name in ("worker", *EXTERNAL_SYSTEMS)}
    for name, role in made.items():
        groups = by_password if name == "worker" else f"{by_password}, {name}"
        await _execute(owner_url, f"CREATE ROLE {role} LOGIN PASSWORD '{PLANTED}' IN ROLE {groups}")
    await grant_to_worker(owner_url, made["worker"])
    return made


@dataclass(frozen=True)
class Fronts:
    """The servers behind TLS, and the files that a client needs."""

    files: Path
    postgres_port: int
    temporal_port: int
    database: str
    roles: dict[str, str]
    seen: bytearray = field(default_factory=bytearray)
    """The bytes that Temporal has received."""

    def url(self, name: str = "worker", *, host: str = SERVER, password: str = PLANTED, **tls: str) -> str:
        """Return the URL of PostgreSQL for one of the roles."""
        query = urlencode({"sslmode": "verify-full", "sslrootcert": str(self.files / "ca.pem")} | tls)
        return (
            f"postgresql://{self.roles[name]}:{password}@{host}:{self.postgres_port}/{self.database}?{query}"
        )

    def environment(self) -> dict[str, str]:
        """Return the environment variables that a program needs."""
        return {
            "DATABASE_URL": self.url(),
            **{f"{name.upper()}_URL": self.url(name) for name in EXTERNAL_SYSTEMS},
            "TEMPORAL_ADDRESS": f"{SERVER}:{self.temporal_port}",
            "TEMPORAL_API_KEY": PLANTED,
            "TEMPORAL_TLS_SERVER_CA_CERT_PATH": str(self.files / "ca.pem"),
            "TEMPORAL_TLS_CLIENT_CERT_PATH": str(self.files / "client.pem"),
            "TEMPORAL_TLS_CLIENT_KEY_PATH": str(self.files / "client.key"),
        }


@pytest.fixture(scope="session")
def fronts(
    endpoints: Endpoints, owner_url: str, roles: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fronts]:
    files, authority = tmp_path_factory.mktemp("certificates"), trustme.CA()
    _write_certificates(files, authority)
    path, socket = owner_url.split("?host=")
    to_postgres: Connect = partial(asyncio.open_unix_connection, f"{socket}/.s.PGSQL.5432")
    to_temporal: Connect = partial(asyncio.open_connection, *endpoints.temporal["target_host"].split(":"))
    seen = bytearray()
    with (
        _in_a_thread(postgres_front(to_postgres, _context(authority))) as postgres_port,
        _in_a_thread(temporal_front(to_temporal, _context(authority, mutual=True), seen)) as temporal_port,
    ):
        yield Fronts(files, postgres_port, temporal_port, path.rpartition("/")[2], roles, seen)


@contextmanager
def _in_a_thread(front: AbstractAsyncContextManager[int]) -> Iterator[int]:
    """Open a front in its own thread, so that it serves while the test blocks the event loop."""
    started: Future[tuple[int, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        async with front as port:
            started.set_result((port, asyncio.get_running_loop(), end := asyncio.Event()))
            await end.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    port, loop, end = started.result(10)
    yield port
    loop.call_soon_threadsafe(end.set)
    thread.join()


def _write_certificates(files: Path, authority: trustme.CA) -> None:
    stranger = trustme.CA()
    for name, one in {"ca": authority, "other-ca": stranger}.items():
        one.cert_pem.write_to_path(files / f"{name}.pem")
    for name, one in {"client": authority, "other-client": stranger}.items():
        issued = one.issue_cert("worker@example.org")
        issued.cert_chain_pems[0].write_to_path(files / f"{name}.pem")
        issued.private_key_pem.write_to_path(files / f"{name}.key")
    (files / "no.pem").write_text("no certificate\n")


def _context(authority: trustme.CA, *, mutual: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(SERVER).configure_cert(context)
    if mutual:
        context.verify_mode = ssl.CERT_REQUIRED
        authority.configure_trust(context)
    return context


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()
