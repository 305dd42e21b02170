"""Connections to PostgreSQL: the pool of a worker, and transactions on it."""

import re
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Protocol, TypeAlias
from urllib.parse import parse_qs

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from orchestrator import traces

# asyncpg's classes take no parameter at run time, only in its stubs.
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"


_HOSTS = r"(?:(?:^|,)(?:\[[0-9a-fA-F:.]+\]|[\w.-]*)(?::\d+)?)*"
"""One or several hosts, each with an optional port; a misplaced `user:password` does not match."""


class DatabaseUnreachable(Exception):
    """PostgreSQL does not answer, or refuses the login. The message names the address, never a password."""

    def __init__(self, database_url: str, cause: object) -> None:
        self.problem = f"Cannot reach PostgreSQL at {_address(database_url)} ({cause})"
        super().__init__(f'{self.problem}: start the embedded stack with "make up", or set DATABASE_URL')


class NoConnectionLeft(DatabaseUnreachable):
    """The server, the database or the role has no connection left."""

    def __init__(self, database_url: str, cause: object) -> None:
        self.problem = f"PostgreSQL at {_address(database_url)} has no connection left ({cause})"
        Exception.__init__(
            self,
            f"{self.problem}: run fewer workers, give each a smaller DATABASE_POOL_SIZE, or raise the limit",
        )


class NotPermitted(Exception):
    """The role lacks a right in PostgreSQL."""

    def __init__(self, cause: asyncpg.InsufficientPrivilegeError) -> None:
        super().__init__(
            f"PostgreSQL refuses: {cause}: migrate as the owner of the database, and give the role of the "
            'worker its rights with "worker.py --migrate --grant-to ROLE"'
        )


NO_ANSWER = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # when the server has closed an idle connection
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
)
"""What a query raises if the server is gone, hangs, stops, is not ready or has no connection left."""

ABANDONED_AFTER = 15.0
"""Seconds before PostgreSQL ends a transaction that is idle.

Without this, a worker that is frozen, or whose machine has lost its power, would keep its locks for hours.
Within a transaction a worker waits only for PostgreSQL.
"""

COMMAND_TIMEOUT = 10.0
"""Seconds before a statement is cancelled: treat a server that hangs like one that is gone."""


async def connect(database_url: str) -> "asyncpg.Connection[asyncpg.Record]":
    """Open one connection, which the caller closes.

    Raises:
        DatabaseUnreachable: when PostgreSQL does not answer, or refuses the login.
        NoConnectionLeft: when the server, the database or the role has no connection left.
    """
    with _reachable(database_url):
        return await asyncpg.connect(database_url, timeout=COMMAND_TIMEOUT)


async def open_pool(database_url: str, *, size: int = 10) -> Pool:
    """Open a pool of at most `size` connections, which it opens when they are needed; try one at once.

    Raises:
        DatabaseUnreachable: when PostgreSQL does not answer, or refuses the login.
        NoConnectionLeft: when the server, the database or the role has no connection left.
    """
    # No minimum: while the server is away, asyncpg would log a stack trace whenever it cannot keep it.
    pool = asyncpg.create_pool(
        database_url,
        min_size=0,
        max_size=size,
        timeout=COMMAND_TIMEOUT,
        command_timeout=COMMAND_TIMEOUT,
        server_settings={"idle_in_transaction_session_timeout": f"{ABANDONED_AFTER * 1000:.0f}"},
        reset=_keep_session,
        init=traces.observer(),
    )
    with _reachable(database_url):
        await pool
        try:
            await pool.release(await pool.acquire())
        except BaseException:
            pool.terminate()
            raise
    return pool


async def _keep_session(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Leave the session as it is: transactions change nothing in it, and a reset costs a round trip."""


class Lender(Protocol):
    """Lends connections: a pool, or a wrapper that prepares each connection first."""

    def acquire(self) -> AbstractAsyncContextManager[Connection]:
        """Lend a connection until the context ends."""
        ...


@asynccontextmanager
async def transaction(pool: Lender) -> AsyncIterator[Connection]:
    """Yield a connection in a transaction; commit at the end, roll back on an error."""
    async with pool.acquire() as connection, connection.transaction():
        yield connection


@asynccontextmanager
async def planned_for_values(connection: Connection) -> AsyncIterator[None]:
    """Have PostgreSQL plan each statement for its values until the transaction ends; open one for that.

    A statement that has run five times may else get one plan for all values. Filters that are optional need
    one for each set of values: it leaves out those that are not given, and uses the index of the others.
    """
    async with connection.transaction():
        await connection.execute("SET LOCAL plan_cache_mode = force_custom_plan")
        yield


@contextmanager
def _reachable(database_url: str) -> Iterator[None]:
    try:
        yield
    except asyncpg.TooManyConnectionsError as error:
        raise NoConnectionLeft(database_url, error) from error
    except (OSError, asyncpg.PostgresError) as error:
        raise DatabaseUnreachable(database_url, _reason(error, _address(database_url))) from error
    except ValueError as error:
        # Its text may contain a part of the password, unless it is about TLS.
        reason = "the URL cannot be read; percent-encode special characters in the user and the password"
        about_tls = str(error).startswith(("`ssl", "root certificate file"))
        raise DatabaseUnreachable(database_url, error if about_tls else reason) from None


def _reason(error: Exception, address: str) -> object:
    match error:
        case ssl.SSLCertVerificationError():
            return f"its certificate is refused: {error.verify_message.rstrip('.')}"
        case ssl.SSLError():
            said = error.reason.replace("_", " ").lower() if error.reason else "a file is not in PEM format"
            return f"TLS fails: {said}; see sslrootcert, sslcert and sslkey"
        case FileNotFoundError() | PermissionError() if not address.startswith("/"):
            return f"sslrootcert, sslcert or sslkey: {error.strerror}"
    return error


def _address(database_url: str) -> str:
    scheme, _, rest = database_url.partition("://")
    # All text before the last @ may be a password, even one that is not percent-encoded.
    address, _, query = rest.rpartition("@")[2].partition("?")
    hosts, _, database = address.partition("/")
    # If this is no URL, or has an @ after its ?, any part of it may belong to the password.
    told = re.fullmatch(r"\w+", scheme) and re.fullmatch(_HOSTS, hosts) and "@" not in rest.partition("?")[2]
    if not told:
        return "an address that is not shown, because it may contain the password"
    host = parse_qs(query).get("host", [hosts or "localhost"])[0]
    return f"{host}, database {database or 'of the same name as the user'}"
