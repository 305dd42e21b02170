"""The structure of a database, to compare before and after."""

from uuid import uuid4

import asyncpg

# PostgreSQL formats it, so nothing that matters is missing.
_STRUCTURE = """
SELECT format('column %s.%s %s null=%s default=%s generated=%s',
              table_name, column_name, data_type, is_nullable, column_default, generation_expression)
FROM information_schema.columns
WHERE table_schema = $1
UNION ALL
SELECT format('constraint %s %s: %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
FROM pg_constraint
WHERE connamespace = $1::regnamespace
UNION ALL
SELECT 'index ' || indexdef
FROM pg_indexes
WHERE schemaname = $1
UNION ALL
SELECT format('table %s owned by %s', tablename, tableowner)
FROM pg_tables
WHERE schemaname = $1
ORDER BY 1
"""


async def structure(database_url: str, schema: str = "public") -> list[str]:
    """Return the tables, columns, constraints and indexes of a schema, one a line."""
    connection = await asyncpg.connect(database_url)
    try:
        return [line for (line,) in await connection.fetch(_STRUCTURE, schema)]
    finally:
        await connection.close()


async def with_new_role(database_url: str, rights: str) -> str:
    """Return the URL of this database for a new login role with these rights."""
    role = f"role_{uuid4().hex}"
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(f"CREATE ROLE {role} LOGIN {rights}")
        database = await connection.fetchval("SELECT current_database()")
        await connection.execute(f"GRANT CREATE ON DATABASE {database} TO {role}")
    finally:
        await connection.close()
    return database_url.replace("//postgres@", f"//{role}@")
