"""Reduce a database of orchestrator-core to the tables that the import reads, as SQL for any PostgreSQL.

`python -m tests.importing.dump` makes a new database with orchestrator-core itself and prints its dump.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

import asyncpg

from orchestrator.database.orchestrator_core import READ
from tests.importing.real import real_database

DUMP = Path(__file__).with_name("orchestrator-core-5.5.sql")

# No type of an extension, no default, no constraint and no index: plain tables with all their other columns.
COLUMNS = """
    SELECT attname, format_type(atttypid, atttypmod) AS kind
    FROM pg_attribute
    WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
      AND format_type(atttypid, atttypmod) <> 'tsvector' AND attname <> 'traceback' -- has paths
    ORDER BY attnum
"""


async def reduced(database_url: str) -> str:
    """Return the SQL that makes these tables with their rows."""
    connection = await asyncpg.connect(database_url)
    try:
        return "\n".join([await table(connection, name) for name in READ])
    finally:
        await connection.close()


async def table(connection: "asyncpg.Connection[asyncpg.Record]", name: str) -> str:
    """Return the SQL of one table."""
    columns = await connection.fetch(COLUMNS, name)
    names = ", ".join(f'"{row["attname"]}"' for row in columns)
    texts = ", ".join(f'quote_nullable("{row["attname"]}"::text)' for row in columns)
    rows = await connection.fetch(f"SELECT concat_ws(', ', {texts}) AS line FROM {name} ORDER BY line")
    kinds = ", ".join(f'"{row["attname"]}" {row["kind"]}' for row in columns)
    lines = [f"INSERT INTO {name} ({names}) VALUES ({row['line']});" for row in rows]
    return "\n".join([f"CREATE TABLE {name} ({kinds});", *lines, ""])


def main() -> None:
    """Print the dump of a new database."""
    with tempfile.TemporaryDirectory(prefix="import-", ignore_cleanup_errors=True) as made:
        directory = Path(made)
        directory.chmod(0o755)  # root runs PostgreSQL as another user
        with real_database(directory) as database_url:
            sys.stdout.write(asyncio.run(reduced(database_url)))


if __name__ == "__main__":
    main()
