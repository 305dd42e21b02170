"""Ids and names that were typed, as far as they can be judged without a database."""

import re
from uuid import UUID

from orchestrator.domain.errors import InvalidInput
from orchestrator.domain.input_errors import shown
from orchestrator.domain.text import printable

LONGEST_ID = 1000
"""Bytes: the longest workflow id that Temporal accepts."""
LONGEST_DESCRIPTION = 10_000
"""Bytes: longer than any description."""
LONGEST_PATH = 4096
"""Bytes: the longest path that Linux accepts."""
SHORTEST = 4
"""Characters of an id that name it."""


def as_uuid(text: str) -> UUID | None:
    """Return the text as a UUID, or `None` if it is not a whole one."""
    try:
        return UUID(text)
    except ValueError:
        return None


def random_part(text: str) -> str:
    """Return the UUID that an id ends with; empty if there is none."""
    found = re.search("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", text)
    return found[0] if found else ""


def require_subscription(text: str | None) -> None:
    """Require that the text can name a subscription; `None` passes.

    Raises:
        InvalidInput: if it is too short or too long, has control characters, or is not Unicode.
    """
    if text is None:
        return
    require_text(text, longest=LONGEST_DESCRIPTION)
    if len(text) < SHORTEST:
        raise InvalidInput(
            f"'{shown(text)}' is too short; give the id of the subscription, at least {SHORTEST} characters "
            "of it, or its description"
        )


def require_text(text: str | None, *, longest: int = LONGEST_ID) -> None:
    """Require that the text can be a process id or a name; `None` passes.

    Args:
        longest: the largest number of bytes.

    Raises:
        InvalidInput: if it is empty or too long, has control characters, or is not Unicode.
    """
    if text is None:
        return
    if not text:
        raise InvalidInput("An id or a name must not be empty; give at least one character")
    try:
        if len(printable(text).encode()) > longest:
            raise InvalidInput(f"'{shown(text)}' is too long: at most {longest} bytes")
    except ValueError as error:
        raise InvalidInput(f"'{shown(text)}' {error}") from None
