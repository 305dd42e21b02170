"""The types of text that people enter (names and reasons) or other systems give (ids)."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, StringConstraints

LONGEST_NAME = 255
LONGEST_REASON = 1000

# Cc contains NUL, which PostgreSQL cannot store. Cs are surrogates, which UTF-8 cannot encode.
# Zl and Zp break the line in some programs and not in others.
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})

# Embeddings, overrides and isolates, and what ends them. Direction marks are harmless, so they stay.
_TURNS_DIRECTION = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


def printable(text: str) -> str:
    """Return the text unchanged if it contains no control characters.

    Raises:
        ValueError: if it contains one; the message names the first and its position.
    """
    for position, character in enumerate(text, start=1):
        if unicodedata.category(character) in _UNPRINTABLE:
            raise ValueError(
                f"has the control character U+{ord(character):04X} at position {position}; remove it"
            )
    return text


def legible(text: str) -> str:
    """Return text from another system so that it can be stored: control characters replaced, and cut."""
    shown = "".join("\ufffd" if unicodedata.category(one) in _UNPRINTABLE else one for one in text)
    return shown if len(shown) <= LONGEST_REASON else shown[: LONGEST_REASON - 1] + "…"


def spelled(text: str) -> str:
    """Return the text with escapes for the characters that a terminal would act on instead of showing.

    These are control characters and the characters that change the direction of the text after them: a
    name with U+202E would show the rest of its line backwards.
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
"""A reason, in one line: trimmed, at most 1000 characters, no control characters."""


NoteText = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_REASON),
    AfterValidator(printable),
]
"""A note, in one line: trimmed, 1 to 1000 characters, no control characters."""


def no_truth_value(value: object) -> object:
    """Return the value unchanged if it is not a boolean; Python counts booleans as numbers, JSON does not.

    Raises:
        ValueError: if it is a boolean.
    """
    if isinstance(value, bool):
        raise ValueError("must be a whole number")  # noqa: TRY004  # pydantic expects ValueError
    return value


WholeNumber = Annotated[int, BeforeValidator(no_truth_value)]
"""A whole number, or text with one, as typed on the command line."""


def numbered(value: object) -> object:
    """Return text that spells a whole number as that number, and everything else unchanged.

    So an id is the same whether it is typed, or read from an external system or from JSON.
    """
    if isinstance(value, str) and value.isascii() and value.isdigit() and str(int(value)) == value:
        return int(value)
    return value


OutsideId = Annotated[int | Name, BeforeValidator(numbered), BeforeValidator(no_truth_value)]
"""The id that an external system gives to a record: a whole number, or a text of 1 to 255 characters."""
