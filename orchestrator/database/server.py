"""Queries on the PostgreSQL server itself, and on the role that asks."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from orchestrator.database.connection import Connection


class Server(BaseModel):
    """A PostgreSQL server, as one connection sees it."""

    model_config = ConfigDict(frozen=True)

    version: str
    major: int
    local: bool
    """Whether the connection does not leave this machine."""
    encrypted: bool
    """Whether the connection uses TLS."""
    connections: int
    """Connections in use."""
    most_connections: int
    """Connections that roles other than superusers can have."""


async def read_server(connection: Connection) -> Server:
    """Return what the server says of itself and of this connection."""
    row = await connection.fetchrow(
        """
        SELECT
            current_setting('server_version') AS version,
            current_setting('server_version_num')::int / 10000 AS major,
            coalesce(inet_client_addr() = inet_server_addr(), true) AS local,
            coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS encrypted,
            (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS connections,
            current_setting('max_connections')::int
                - current_setting('superuser_reserved_connections')::int AS most_connections
        """
    )
    assert row is not None
    return Server.model_validate(dict(row))


async def read_clock(connection: Connection) -> datetime:
    """Return the time by the server's clock."""
    now: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return now
