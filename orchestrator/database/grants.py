"""The rights of a worker and the starter in the database: those that their work needs, and no others."""

from collections.abc import Sequence

from orchestrator.database.connection import Connection, connect
from orchestrator.database.schema import LOCK


class RoleNotFit(Exception):
    """The role is not fit for a worker; the message says why."""


_REVOKE = """
DO $$
DECLARE
    worker name := current_setting('grant.worker');
BEGIN
    -- Every role has these rights by default; before PostgreSQL 15 it may even create tables.
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
    EXECUTE format('GRANT SELECT, INSERT ON process_events TO %I', worker);
    EXECUTE format('GRANT SELECT, INSERT ON subscription_notes TO %I', worker);
    -- Locking a row needs UPDATE.
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON processes, subscriptions TO %I', worker);
    -- Clean-up folds validations and drops results.
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON validation_summaries TO %I', worker);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE (result) ON process_steps TO %I', worker);
    EXECUTE format('GRANT DELETE ON processes, process_steps TO %I', worker);
    EXECUTE format('GRANT SELECT, INSERT, DELETE ON validation_findings TO %I', worker);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON temporal_namespace, external_systems TO %I', worker);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON bulks, bulk_rows TO %I', worker);
    EXECUTE format('GRANT SELECT ON bulk_rows_now TO %I', worker);
    EXECUTE format('GRANT SELECT, INSERT, DELETE ON subscription_relations TO %I', worker);
END
$$
"""

# Rights that the role still has: its own, those of roles that it is a member of, and those of PUBLIC.
_TOO_MUCH = """
SELECT format('may act as %I, which owns objects there or has rights beyond LOGIN', rolname)
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
SELECT 'may create schemas or temporary tables'
WHERE has_database_privilege($1, current_database(), 'CREATE, TEMPORARY')
UNION ALL
SELECT 'may create tables'
WHERE has_schema_privilege($1, current_schema(), 'CREATE')
UNION ALL
SELECT format('may %s %s', p.privilege, c.relname)
FROM pg_class c,
    (VALUES ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE'), ('TRIGGER'), ('REFERENCES')) AS p (privilege)
WHERE c.relnamespace = current_schema()::regnamespace
  AND c.relkind = 'r'
  AND has_table_privilege($1, c.oid, p.privilege)
  AND (p.privilege, c.relname) NOT IN (
      ('INSERT', 'process_steps'), ('DELETE', 'process_steps'), ('INSERT', 'process_events'),
      ('INSERT', 'validation_findings'), ('DELETE', 'validation_findings'),
      ('INSERT', 'validation_summaries'), ('UPDATE', 'validation_summaries'),
      ('INSERT', 'processes'), ('UPDATE', 'processes'), ('DELETE', 'processes'),
      ('INSERT', 'subscriptions'), ('UPDATE', 'subscriptions'), ('INSERT', 'subscription_notes'),
      ('INSERT', 'temporal_namespace'), ('UPDATE', 'temporal_namespace'),
      ('INSERT', 'external_systems'), ('UPDATE', 'external_systems'),
      ('INSERT', 'bulks'), ('UPDATE', 'bulks'), ('INSERT', 'bulk_rows'), ('UPDATE', 'bulk_rows'),
      ('INSERT', 'subscription_relations'), ('DELETE', 'subscription_relations')
  )
"""

# What `_GRANT` grants on tables and columns, apart from connecting.
_MISSING = """
SELECT format('%s on %s', needed.privilege, needed.name)
FROM (
    VALUES
        ('SELECT', 'alembic_version'), ('SELECT', 'products'), ('SELECT', 'bulk_rows_now'),
        ('SELECT', 'process_events'), ('INSERT', 'process_events'),
        ('SELECT', 'subscription_notes'), ('INSERT', 'subscription_notes'),
        ('SELECT', 'processes'), ('INSERT', 'processes'), ('UPDATE', 'processes'), ('DELETE', 'processes'),
        ('SELECT', 'subscriptions'), ('INSERT', 'subscriptions'), ('UPDATE', 'subscriptions'),
        ('SELECT', 'validation_summaries'), ('INSERT', 'validation_summaries'),
        ('UPDATE', 'validation_summaries'),
        ('SELECT', 'process_steps'), ('INSERT', 'process_steps'), ('DELETE', 'process_steps'),
        ('UPDATE (result)', 'process_steps'),
        ('SELECT', 'validation_findings'), ('INSERT', 'validation_findings'),
        ('DELETE', 'validation_findings'),
        ('SELECT', 'temporal_namespace'), ('INSERT', 'temporal_namespace'), ('UPDATE', 'temporal_namespace'),
        ('SELECT', 'external_systems'), ('INSERT', 'external_systems'), ('UPDATE', 'external_systems'),
        ('SELECT', 'bulks'), ('INSERT', 'bulks'), ('UPDATE', 'bulks'),
        ('SELECT', 'bulk_rows'), ('INSERT', 'bulk_rows'), ('UPDATE', 'bulk_rows'),
        ('SELECT', 'subscription_relations'), ('INSERT', 'subscription_relations'),
        ('DELETE', 'subscription_relations')
) AS needed (privilege, name)
WHERE NOT coalesce(
    CASE needed.privilege
        WHEN 'UPDATE (result)' THEN has_column_privilege(to_regclass(needed.name), 'result', 'UPDATE')
        ELSE has_table_privilege(to_regclass(needed.name), needed.privilege)
    END,
    false
)
ORDER BY needed.name, needed.privilege
"""


async def missing_rights(connection: Connection) -> Sequence[str]:
    """Return the rights that the role of this connection lacks for the work of a worker and the starter.

    A table that does not exist counts as one without rights.
    """
    return [row[0] for row in await connection.fetch(_MISSING)]


async def needless_rights(connection: Connection) -> Sequence[str]:
    """Return what the role of this connection may do that a worker and the starter do not need."""
    role = await connection.fetchval("SELECT current_user::text")
    return [row[0] for row in await connection.fetch(_TOO_MUCH, role)]


async def grant_to_worker(database_url: str, role: str) -> None:
    """Grant a role the rights that a worker and the starter need; revoke all others that it has itself.

    Idempotent. Call it again after each migration.

    Args:
        database_url: URL with which the owner of the database connects.
        role: name of an existing role.

    Raises:
        RoleNotFit: when the role does not exist, or still has more rights than a worker needs.
    """
    connection = await connect(database_url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK)
            if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
                raise RoleNotFit(f'There is no role {role!r}: create it first with "CREATE ROLE … LOGIN"')
            # A role name cannot be a query parameter: the statements read it from a setting and quote it.
            await connection.execute("SELECT set_config('grant.worker', $1, true)", role)
            await connection.execute(_REVOKE)
            await connection.execute(_GRANT)
            too_much = [row[0] for row in await connection.fetch(_TOO_MUCH, role)]
            if too_much:
                # Name only three: a superuser has very many.
                raise RoleNotFit(
                    f"The role {role!r} could do more than a worker needs: it {', it '.join(too_much[:3])}; "
                    "revoke these rights, or create a separate role for the worker"
                )
    finally:
        await connection.close()
