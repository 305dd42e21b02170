"""Why a bench has no result."""


class BenchFailed(Exception):
    """The figures would mean nothing; the message says why."""
