"""Why no product is written."""


class CannotWrite(Exception):
    """The product cannot be written as asked; the message says what to change."""
