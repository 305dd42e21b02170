"""The own database of a fake external system: its role, its schema, its tables."""

from contextlib import suppress

import asyncpg

from orchestrator.database.connection import NotPermitted, connect

_CREATE_ROLE = """
DO $$
BEGIN
    EXECUTE format('CREATE ROLE %I ROLE CURRENT_USER', current_setting('fake.name'));
END
$$
"""

_CREATE_SCHEMA = """
DO $$
BEGIN
    EXECUTE format('CREATE SCHEMA IF NOT EXISTS %1$I AUTHORIZATION %1$I', current_setting('fake.name'));
END
$$
"""

# The own database of one fake: its role and its schema bear its name.
_CREATE_TABLES = """
CREATE TABLE IF NOT EXISTS records (
    subscription_id uuid    CONSTRAINT records_pkey PRIMARY KEY,
    record_id       integer GENERATED ALWAYS AS IDENTITY,
    attributes      jsonb, -- null where it was removed, or never was
    token           bigint  NOT NULL, -- the highest fencing token seen
    removed         boolean NOT NULL DEFAULT false -- a tombstone: it can never be made again
);

-- What has really changed, in order: a call that is repeated and finds its work done leaves nothing here.
CREATE TABLE IF NOT EXISTS changes (
    change_id       integer GENERATED ALWAYS AS IDENTITY CONSTRAINT changes_pkey PRIMARY KEY,
    subscription_id uuid   NOT NULL,
    token           bigint NOT NULL, -- the highest seen then: that of the call
    attributes      jsonb -- null: it was removed
);

CREATE OR REPLACE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO changes (subscription_id, token, attributes)
    VALUES (NEW.subscription_id, NEW.token, NEW.attributes);
    RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER records_changed
AFTER UPDATE ON records
FOR EACH ROW WHEN (OLD.attributes IS DISTINCT FROM NEW.attributes)
EXECUTE FUNCTION note_change();

CREATE TABLE IF NOT EXISTS faults (
    fault_id integer GENERATED ALWAYS AS IDENTITY CONSTRAINT faults_pkey PRIMARY KEY,
    kind     text    NOT NULL
        CONSTRAINT faults_kind_known CHECK (kind IN ('slow', 'unreachable', 'answer lost', 'reject')),
    name     text,             -- reject: requests for this name; null: all
    seconds  double precision, -- slow: how long a call takes
    times    integer           -- how many calls it still strikes; null: all, until it is cleared
);
"""


async def create_fake_system(database_url: str, name: str) -> None:
    """Make the role, the schema and the tables of a fake on a PostgreSQL server; what is there stays.

    Args:
        database_url: a role that may create roles and schemas.
        name: of the fake: its role and its schema bear it; small letters and underscores.

    Raises:
        NotPermitted: when that role may not.
    """
    connection = await connect(database_url)
    try:
        # Names are no parameters of a statement: these read it from a setting, and quote it themselves.
        await connection.execute("SELECT set_config('fake.name', $1, false)", name)
        # Roles belong to the server, not to the database: another database may have made it.
        with suppress(asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
            await connection.execute(_CREATE_ROLE)
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext($1))", name)
            await connection.execute(_CREATE_SCHEMA)
            await connection.execute("SELECT set_config('role', $1, true)", name)
            await connection.execute("SELECT set_config('search_path', $1, true)", name)
            await connection.execute(_CREATE_TABLES)
    except asyncpg.InsufficientPrivilegeError as error:
        raise NotPermitted(error) from error
    finally:
        await connection.close()
