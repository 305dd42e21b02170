"""The database of a fake external system: its own role, schema and tables."""

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

# The tables of one fake, in its own schema.
_CREATE_TABLES = """
CREATE TABLE IF NOT EXISTS records (
    subscription_id uuid    CONSTRAINT records_pkey PRIMARY KEY,
    record_id       integer GENERATED ALWAYS AS IDENTITY,
    attributes      jsonb, -- null: it was removed, or never existed
    token           bigint  NOT NULL, -- the highest fencing token seen
    removed         boolean NOT NULL DEFAULT false -- a tombstone: it can never be created again
);

-- The actual changes, in order: a repeated call that changes nothing leaves no row.
CREATE TABLE IF NOT EXISTS changes (
    change_id       integer GENERATED ALWAYS AS IDENTITY CONSTRAINT changes_pkey PRIMARY KEY,
    subscription_id uuid   NOT NULL,
    token           bigint NOT NULL, -- the token of the call
    attributes      jsonb -- null: the record was removed
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
    times    integer           -- calls it still affects; null: all, until it is cleared
);
"""


async def create_fake_system(database_url: str, name: str) -> None:
    """Create the role, the schema and the tables of a fake on a PostgreSQL server; keep existing ones.

    Args:
        database_url: names a role that may create roles and schemas.
        name: the name of the fake, its role and its schema: small letters and underscores.

    Raises:
        NotPermitted: if the role may not create roles and schemas.
    """
    connection = await connect(database_url)
    try:
        # A statement takes no names as parameters, so these read the name from a setting and quote it.
        await connection.execute("SELECT set_config('fake.name', $1, false)", name)
        # A role belongs to the server: a fake in another database may have created it already.
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
