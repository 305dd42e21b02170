"""Which schema the database has, kept out of `migrate.py` because importing Alembic is slow."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.database.connection import Connection

LOCK = 5_801_947_117
"""Key of the advisory lock for changes of the schema and its rights: any number, the same everywhere."""


class SchemaVersion(NamedTuple):
    """The version of a schema that this code can work with."""

    current: str
    needed: str
    """Version that this code brings; another one than `current` is older and compatible."""


class SchemaOutOfDate(RuntimeError):
    """The database has another version of the schema than this code needs."""

    def __init__(self, current: str | None, head: str | None, *, known: bool = True) -> None:
        found = f"at version {current}" if current else "empty" if head else "empty or of an older release"
        needed = head or "a newer version"
        what_to_do = 'run "make migrate"' if known else "use the release that migrated it"
        super().__init__(f"The database is {found}, this code needs {needed}: {what_to_do}")


def fits(current: str | None, oldest: str) -> str:
    """Return the comment that tells older code, from this version on, that it can work with the schema."""
    return f"{current} fits code from {oldest} on"


@dataclass(frozen=True)
class Fit:
    """How the schema of the database fits this code."""

    current: str | None
    """Version of the database; `None` if it is empty."""
    missing: int
    """Number of migrations of this code that the database lacks."""
    too_new: bool
    """Whether a newer release has migrated it, and this code cannot work with it."""

    def require(self, known: Sequence[str]) -> None:
        """Raise `SchemaOutOfDate` unless the schema fits."""
        if self.missing or self.too_new:
            raise SchemaOutOfDate(self.current, known[-1], known=not self.too_new)


async def read_fit(connection: Connection, known: Sequence[str]) -> Fit:
    """Compare the schema of the database with the versions that this code knows, oldest first."""
    row = await connection.fetchrow(
        """
        SELECT version_num, obj_description('alembic_version'::regclass, 'pg_class') AS comment
        FROM alembic_version
        """
    )
    current = row["version_num"] if row else None
    if current in known:
        return Fit(current, missing=len(known) - 1 - known.index(current), too_new=False)
    if current is None:
        return Fit(None, missing=len(known), too_new=False)
    assert row is not None
    return Fit(current, missing=0, too_new=row["comment"] not in {fits(current, one) for one in known})
