"""What the embedded stack refuses, and why."""

from settings import ConfigurationError


class StackFailed(Exception):
    """The embedded stack does not start; the message names the log to read."""


class StackNotInstalled(ConfigurationError):
    """The packages of the embedded stack are not installed, so services must be configured."""

    def __init__(self) -> None:
        super().__init__(
            "The embedded stack is not installed here: set both TEMPORAL_ADDRESS and DATABASE_URL"
        )
