"""What can go wrong with an external system."""


class ExternalSystemUnavailable(Exception):
    """The system cannot be reached, or did not answer; whether it has done the work is unknown. It passes."""


class FakeNotUsable(Exception):
    """A fake is not there, or the role of PostgreSQL may not act as it."""

    def __init__(self, name: str, cause: Exception) -> None:
        super().__init__(
            f'The fake {name} cannot be used ({cause}): run "make migrate", '
            f"or set {name.upper()}_URL to a role that is a member of {name}"
        )
