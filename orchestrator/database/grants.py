"""What a worker, and the starter, may do in the database: their work, and nothing else."""

from orchestrator.database.connection import connect
from orchestrator.database.migrate import LOCK


class RoleNotFit(Exception):
    """A role that no worker should have; the message says why."""


_REVOKE = """
DO $$
DECLARE
    worker name := current_setting('grant.worker');
BEGIN
    -- What every role has unless somebody takes it away: on older servers also to make tables.
    EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', current_schema());
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM %I', current_schema(), worker);
    EXECUTE format('REVOKE ALL ON SCHEMA %I FROM %I', current_schema(), worker);
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM %I', current_database(), worker);
END
$$
"""

_GRANT = """
DO $$
DECLARE
    worker name := current_setting('grant.worker');
BEGIN
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), worker);
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), worker);
    EXECUTE format('GRANT SELECT ON alembic_version, products TO %I', worker);
    EXECUTE format('GRANT SELECT, INSERT ON process_steps, process_events TO %I', worker);
    EXECUTE format('GRANT SELECT, INSERT ON validation_findings TO %I', worker);
    -- UPDATE is also what locks a row.
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON processes, subscriptions TO %I', worker);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON temporal_namespace TO %I', worker);
    EXECUTE format('GRANT SELECT, INSERT, DELETE ON subscription_relations TO %I', worker);
END
$$
"""

# What the role may do all the same: by itself, as a member of other roles, or as everybody.
_TOO_MUCH = """
SELECT format('may act as %I, which owns something there or may more than log in', rolname)
FROM (
    SELECT oid, rolname, rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls AS mighty
    FROM pg_roles
    WHERE pg_has_role($1, oid, 'MEMBER')
    ORDER BY rolname <> $1, rolname
) AS r
WHERE mighty
   OR EXISTS (SELECT FROM pg_database WHERE datname = current_database() AND datdba = r.oid)
   OR EXISTS (SELECT FROM pg_namespace WHERE nspowner = r.oid)
   OR EXISTS (SELECT FROM pg_class WHERE relowner = r.oid)
UNION ALL
SELECT 'may make schemas or temporary tables'
WHERE has_database_privilege($1, current_database(), 'CREATE, TEMPORARY')
UNION ALL
SELECT 'may make tables'
WHERE has_schema_privilege($1, current_schema(), 'CREATE')
UNION ALL
SELECT format('may %s %s', p.privilege, c.relname)
FROM pg_class c,
    (VALUES ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE'), ('TRIGGER'), ('REFERENCES')) AS p (privilege)
WHERE c.relnamespace = current_schema()::regnamespace
  AND c.relkind = 'r'
  AND has_table_privilege($1, c.oid, p.privilege)
  AND (p.privilege, c.relname) NOT IN (
      ('INSERT', 'process_steps'), ('INSERT', 'process_events'), ('INSERT', 'validation_findings'),
      ('INSERT', 'processes'), ('UPDATE', 'processes'),
      ('INSERT', 'subscriptions'), ('UPDATE', 'subscriptions'),
      ('INSERT', 'temporal_namespace'), ('UPDATE', 'temporal_namespace'),
      ('INSERT', 'subscription_relations'), ('DELETE', 'subscription_relations')
  )
"""


async def grant_to_worker(database_url: str, role: str) -> None:
    """Give a role what a worker and the starter need here, and take from it what they do not.

    May be done any number of times, and is to be done again after each migration.

    Args:
        database_url: the owner of the database.
        role: of PostgreSQL; there is one already, because it has a password or whatever lets it in.

    Raises:
        RoleNotFit: where there is no such role, or it may do more all the same.
    """
    connection = await connect(database_url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
            if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
                raise RoleNotFit(f'PostgreSQL knows no role {role!r}: make it first, "CREATE ROLE … LOGIN"')
            # Names are no parameters of a statement: these read it from a setting, and quote it themselves.
            await connection.execute("SELECT set_config('grant.worker', $1, true)", role)
            await connection.execute(_REVOKE)
            await connection.execute(_GRANT)
            too_much = [row[0] for row in await connection.fetch(_TOO_MUCH, role)]
            if too_much:
                # It goes on for long where it is a superuser.
                raise RoleNotFit(
                    f"The role {role!r} could do more than a worker needs: it {', it '.join(too_much[:3])}; "
                    "take that away, or make a role of its own for the worker"
                )
    finally:
        await connection.close()
