"""Errors of an external system that pass by themselves."""


class ExternalSystemUnavailable(Exception):
    """The system cannot be reached or did not answer; it may or may not have done the work."""
