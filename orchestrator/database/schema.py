"""What the version of a schema is, kept out of `migrate.py` because importing Alembic is slow."""

from typing import NamedTuple

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
