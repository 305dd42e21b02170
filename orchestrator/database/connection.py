"""Connections to PostgreSQL: the pool of a worker, and transactions on it."""

import re
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Protocol, TypeAlias
from urllib.parse import parse_qs

import asyncpg
from asyncpg.pool import PoolConnectionProxy

# asyncpg's classes take no parameter at run time, only in its stubs.
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"


_HOSTS = r"(?:(?:^|,)(?:\[[0-9a-fA-F:.]+\]|[\w.-]*)(?::\d+)?)*"
"""One host with or without a port, or several; a password that stands in the wrong place is none."""


class DatabaseUnreachable(Exception):
    """PostgreSQL does not answer, or lets nobody in; the message names the address, never a password."""

    def __init__(self, database_url: str, cause: object) -> None:
        super().__init__(
            f"Cannot reach PostgreSQL at {_address(database_url)} ({cause}): "
            'start the embedded stack with "make up", or set DATABASE_URL'
        )


class NoConnectionLeft(DatabaseUnreachable):
    """The server, the database or the role has no connection left."""

    def __init__(self, database_url: str, cause: object) -> None:
        Exception.__init__(
            self,
            f"PostgreSQL at {_address(database_url)} has no connection left ({cause}): run fewer workers, "
            "give each a smaller DATABASE_POOL_SIZE, or raise the limit",
        )


class NotPermitted(Exception):
    """The role may not do what is asked of it."""

    def __init__(self, cause: asyncpg.InsufficientPrivilegeError) -> None:
        super().__init__(
            f"PostgreSQL refuses: {cause}: migrate as the owner of the database, who gives the role of a "
            'worker what it needs by "worker.py --migrate --grant-to ROLE"'
        )


NO_ANSWER = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # where the server has ended the connection while nothing was asked
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
)
"""What a query raises when the server is gone, hangs, is stopping, is not ready or has no connection left."""

ABANDONED_AFTER = 15.0
"""Seconds after which PostgreSQL itself ends a transaction in which nothing is said any more.

A worker that is frozen, or whose machine has lost its power, would keep what it has locked for hours. Within
a transaction a worker waits for nothing but PostgreSQL and, for at most 2 seconds, Temporal.
"""

COMMAND_TIMEOUT = 10.0
"""Seconds after which a statement is given up: a server that hangs will pass, like one that is gone."""


async def connect(database_url: str) -> "asyncpg.Connection[asyncpg.Record]":
    """Open one connection, which the caller closes.

    Raises:
        DatabaseUnreachable: when nothing answers there, or nobody is let in.
        NoConnectionLeft: when there is none left.
    """
    with _reachable(database_url):
        return await asyncpg.connect(database_url, timeout=COMMAND_TIMEOUT)


async def open_pool(database_url: str, *, size: int = 10) -> Pool:
    """Connect to PostgreSQL with at most `size` connections, opened as they are needed.

    Raises:
        DatabaseUnreachable: when nothing answers there, or nobody is let in.
        NoConnectionLeft: when there is none left.
    """
    # No minimum: asyncpg would log a stack trace each time that it cannot keep it, while the server is away.
    pool = asyncpg.create_pool(
        database_url,
        min_size=0,
        max_size=size,
        timeout=COMMAND_TIMEOUT,
        command_timeout=COMMAND_TIMEOUT,
        server_settings={"idle_in_transaction_session_timeout": f"{ABANDONED_AFTER * 1000:.0f}"},
    )
    with _reachable(database_url):
        await pool
        try:
            await pool.release(await pool.acquire())
        except BaseException:
            pool.terminate()
            raise
    return pool


class Lender(Protocol):
    """What lends connections: a pool, or what sets them up first."""

    def acquire(self) -> AbstractAsyncContextManager[Connection]:
        """Lend a connection for as long as the context lasts."""
        ...


@asynccontextmanager
async def transaction(pool: Lender) -> AsyncIterator[Connection]:
    """Lend a connection in a transaction, committed at the end, rolled back by an error."""
    async with pool.acquire() as connection, connection.transaction():
        yield connection


@contextmanager
def _reachable(database_url: str) -> Iterator[None]:
    try:
        yield
    except asyncpg.TooManyConnectionsError as error:
        raise NoConnectionLeft(database_url, error) from error
    except (OSError, asyncpg.PostgresError) as error:
        raise DatabaseUnreachable(database_url, _reason(error, _address(database_url))) from error
    except ValueError as error:
        # Its text may hold a part of the password, except where it is about TLS.
        reason = "the URL cannot be read; percent-encode what is special in the user and the password"
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
    # What stands before the last @ may be a password, also where it is not encoded as it should be.
    address, _, query = rest.rpartition("@")[2].partition("?")
    hosts, _, database = address.partition("/")
    # Where it is no URL, or an @ stands behind its ?, anything may be a part of the password.
    told = re.fullmatch(r"\w+", scheme) and re.fullmatch(_HOSTS, hosts) and "@" not in rest.partition("?")[2]
    if not told:
        return "an address that cannot be told from the password"
    host = parse_qs(query).get("host", [hosts or "localhost"])[0]
    return f"{host}, database {database or 'of the same name as the user'}"
