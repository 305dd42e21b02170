"""What can go wrong with an external system and pass by itself."""


class ExternalSystemUnavailable(Exception):
    """The system cannot be reached, or did not answer; whether it has done the work is unknown."""
