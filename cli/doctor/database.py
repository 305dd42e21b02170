"""Checks of PostgreSQL: the server, the schema, the role, the clock."""

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cli.doctor.finding import Finding, failed, ok, refused, warning
from cli.doctor.site import CannotAsk, Site
from orchestrator.database.connection import DatabaseUnreachable, NotPermitted
from orchestrator.database.grants import missing_rights, needless_rights
from orchestrator.database.migrate import require_current_schema
from orchestrator.database.namespace import read_namespace
from orchestrator.database.schema import SchemaOutOfDate
from orchestrator.database.server import Server, read_clock, read_server
from orchestrator.operations.own_temporal import AnotherTemporal, NamespaceNotFound, find_namespace

OLDEST_POSTGRES = 14

ALMOST_ALL = 0.9
"""Part of the connections in use from which there is a warning."""

TOLERATED = timedelta(seconds=2)
"""Difference between two clocks that does no harm."""


async def check_postgres(site: Site) -> Finding:
    """Return whether PostgreSQL answers, and in which version."""
    if isinstance(site.database, TimeoutError):
        return failed("does not answer in time", "check DATABASE_URL and the network")
    if isinstance(site.database, DatabaseUnreachable):
        return refused(site.database)
    async with site.pool.acquire() as connection:
        return judge_server(await read_server(connection))


def judge_server(server: Server) -> Finding:
    """Return whether this server is as it should be."""
    tls = "TLS" if server.encrypted else "no TLS" if not server.local else "on this machine"
    fact = f"{server.version}, {tls}, {server.connections} of {server.most_connections} connections in use"
    if server.major < OLDEST_POSTGRES:
        return warning(f"{fact}; PostgreSQL {server.major} gets no fixes any more", "upgrade PostgreSQL")
    if not server.encrypted and not server.local:
        return warning(fact, "add sslmode=verify-full and sslrootcert to DATABASE_URL")
    if server.connections > server.most_connections * ALMOST_ALL:
        return warning(fact, "run fewer workers, lower DATABASE_POOL_SIZE, or raise max_connections")
    return ok(fact)


async def check_schema(site: Site) -> Finding:
    """Return whether this code can work with the schema."""
    async with site.pool.acquire():
        pass  # else the reason is that of the check of PostgreSQL
    try:
        found = await require_current_schema(site.endpoints.database_url.get_secret_value())
    except (SchemaOutOfDate, NotPermitted) as error:
        return refused(error)
    if found.current != found.needed:
        return warning(
            f"version {found.current}, newer than {found.needed} of this release, and compatible",
            "upgrade this release to the one that migrated the database",
        )
    return ok(f"version {found.current}, as this release needs")


async def check_role(site: Site) -> Finding:
    """Return whether the role may do what a worker and the starter need, and no more."""
    async with site.pool.acquire() as connection:
        role = await connection.fetchval("SELECT current_user::text")
        missing = await missing_rights(connection)
        needless = await needless_rights(connection)
    if missing:
        return failed(
            f"{role} lacks rights: {_some(missing)}",
            f'as the owner of the database: make migrate ARGS="--grant-to {shlex.quote(role)}"',
        )
    if site.stack is not None:
        return ok(f"{role}; only the user who started the embedded stack may log in")
    if needless:
        return warning(
            f"{role} may do more than it needs: {_some(needless)}",
            'use a separate role: CREATE ROLE worker LOGIN, then make migrate ARGS="--grant-to worker"',
        )
    return ok(f"{role} has the rights that it needs, and no others")


def _some(rights: Sequence[str]) -> str:
    return rights[0] if len(rights) == 1 else f"{rights[0]}, and {len(rights) - 1} more"


async def check_clock(site: Site) -> Finding:
    """Return how far the clock of this machine is from that of PostgreSQL."""
    async with site.pool.acquire() as connection:
        before = datetime.now(UTC)
        theirs = await read_clock(connection)
        after = datetime.now(UTC)
    return judge_clock(before, theirs, after)


def judge_clock(before: datetime, theirs: datetime, after: datetime) -> Finding:
    """Return whether a clock that was read between two moments differs from that of this machine."""
    apart = max(before - theirs, theirs - after, timedelta())
    if apart <= TOLERATED:
        return ok("as that of PostgreSQL; Temporal does not tell its time")
    way = "behind" if theirs > after else "ahead of"
    return warning(
        f"{apart.total_seconds():.0f} s {way} that of PostgreSQL",
        "synchronise both: timedatectl set-ntp true",
    )


async def check_belonging(site: Site) -> Finding:
    """Return whether the database belongs to this Temporal."""
    async with site.pool.acquire() as connection:
        own = await read_namespace(connection)
    try:
        found = await find_namespace(site.service)
    except NamespaceNotFound as error:
        raise CannotAsk("Temporal has no such namespace") from error
    if own is None:
        return warning(
            f"no program has used the database; the first one binds it to {found}",
            f"check TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE, then {site.starting}",
        )
    if own.namespace_id != found.namespace_id:
        fact, _, remedy = str(AnotherTemporal(own, found)).partition(": ")
        return failed(fact, remedy)
    return ok(f"the database belongs to {own}")
