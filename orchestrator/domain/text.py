"""The kinds of text that people type: names, people, reasons."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, StringConstraints

LONGEST_NAME = 255
LONGEST_REASON = 1000

# Cc holds NUL, which PostgreSQL cannot store; Cs are halves of a character, which UTF-8 cannot write;
# Zl and Zp break the line in some programs and not in others.
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})

# Embeddings, overrides and isolates, with what ends them; marks, which have no width and turn nothing, stay.
_TURNS_DIRECTION = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


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


def legible(text: str) -> str:
    """Return somebody else's text so that it can be stored and shown: no control characters, not too long."""
    shown = "".join("\ufffd" if unicodedata.category(one) in _UNPRINTABLE else one for one in text)
    return shown if len(shown) <= LONGEST_REASON else shown[: LONGEST_REASON - 1] + "…"


def spelled(text: str) -> str:
    """Return a text for a terminal, with escapes for what would act on it instead of being seen.

    Those are control characters, and the formatting characters that turn the direction of what follows: a
    name with U+202E would show other words of its line backwards.
    """
    return "".join(_escape(one) if _acts(one) else one for one in text)


def _acts(character: str) -> bool:
    return (
        unicodedata.category(character) in _UNPRINTABLE
        or unicodedata.bidirectional(character) in _TURNS_DIRECTION
    )


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


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


def no_truth_value(value: object) -> object:
    """Return the value, which is neither true nor false: JSON's are no numbers, though Python's are.

    Raises:
        ValueError: when it is one.
    """
    if isinstance(value, bool):
        raise ValueError("must be a whole number")  # noqa: TRY004  # pydantic wants this one
    return value


WholeNumber = Annotated[int, BeforeValidator(no_truth_value)]
"""A whole number; on the command line typed as text."""
