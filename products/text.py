"""The kinds of text that people type: names, people, reasons."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

LONGEST_NAME = 255
LONGEST_REASON = 1000

# Cc holds NUL, which PostgreSQL cannot store; Cs are halves of a character, which UTF-8 cannot write;
# Zl and Zp break the line in some programs and not in others.
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})


def printable(text: str) -> str:
    """Return the text, which holds no control character.

    Raises:
        ValueError: when it holds one; names the first and its position.
    """
    for position, character in enumerate(text, start=1):
        if unicodedata.category(character) in _UNPRINTABLE:
            raise ValueError(
                f"has the control character U+{ord(character):04X} at position {position}; remove it"
            )
    return text


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_NAME),
    AfterValidator(printable),
]
"""A name: trimmed, 1 to 255 characters, no control characters."""

Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=LONGEST_REASON),
    AfterValidator(printable),
]
"""Why somebody acts, in one line: trimmed, at most 1000 characters, no control characters."""
