"""The schema-version error, kept out of `migrate.py` because importing Alembic is slow."""


class SchemaOutOfDate(RuntimeError):
    """The database has another version of the schema than this code needs."""

    def __init__(self, current: str | None, head: str | None, *, known: bool = True) -> None:
        found = f"at version {current}" if current else "empty" if head else "empty or of an older release"
        needed = head or "a newer version"
        what_to_do = 'run "make migrate"' if known else "use the release that migrated it"
        super().__init__(f"The database is {found}, this code needs {needed}: {what_to_do}")
