"""What can go wrong with an external system."""

from datetime import timedelta


class ExternalSystemUnavailable(Exception):
    """The system cannot be reached, or did not answer; whether it has done the work is unknown. It passes."""

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        """Create the error.

        Args:
            retry_after: how long the system asks to be left alone; `None`: it does not say.
        """
        super().__init__(message)
        self.retry_after = retry_after


class AddressNotFit(Exception):
    """The URL of an external system is not one that its client can use; the message does not show it."""


class FakeNotUsable(Exception):
    """A fake is not there, or the role of PostgreSQL may not act as it."""

    def __init__(self, name: str, cause: Exception) -> None:
        super().__init__(
            f'The fake {name} cannot be used ({cause}): run "make migrate", '
            f"or set {name.upper()}_URL to a role that is a member of {name}"
        )
