"""What the embedded stack refuses, and why."""


class StackFailed(Exception):
    """The embedded stack does not start; the message names the log to read."""
