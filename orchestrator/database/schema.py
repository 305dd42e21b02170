"""What is said of a schema; apart from what changes it, which is slow to import."""


class SchemaOutOfDate(RuntimeError):
    """The database is at another version of the schema than this code."""

    def __init__(self, current: str | None, head: str | None, *, known: bool = True) -> None:
        found = f"at version {current}" if current else "empty" if head else "empty or of an older release"
        needed = head or "another"
        what_to_do = 'run "make migrate"' if known else "use the release of this project that made it"
        super().__init__(f"The database is {found}, this code needs {needed}: {what_to_do}")
