"""Turn the validation errors of pydantic into one readable line."""

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from orchestrator.domain.text import spelled

_LONGEST_SHOWN = 60
_MOST_SHOWN = 3

_WHAT_TO_DO = {
    "missing": "is missing; give it",
    "extra_forbidden": "is not a field of this form; remove it",
    "string_too_short": "is empty; give 1 to 255 characters",
    "string_type": "must be text",
    "string_unicode": "is not valid Unicode; give text in UTF-8",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "json_invalid": "is not JSON",
    "dict_type": "must be one JSON object",
    "model_type": "must be one JSON object",
    "model_attributes_type": "must be one JSON object",
}


def explain(error: ValidationError, form: type[BaseModel] | None = None) -> str:
    """Return one line that says which field is wrong, how, and what to do.

    Args:
        form: the form that was filled in; `None` takes its name from the error.
    """
    title = form.__name__ if form else error.title
    found = error.errors(include_url=False, include_context=True)
    lines = [
        f"{shown('.'.join(str(part) for part in one['loc'])) or 'the input'} "
        f"{_complaint(one['type'], one['msg'])}{_got(one)}"
        for one in found[:_MOST_SHOWN]
    ]
    more = f"; and {len(found) - _MOST_SHOWN} more" if len(found) > _MOST_SHOWN else ""
    fields = f" (fields: {', '.join(form.model_fields)})" if form and _about_fields(found) else ""
    return f"Invalid {title}: {'; '.join(lines)}{more}{fields}"


def _complaint(kind: str, message: str) -> str:
    if kind in _WHAT_TO_DO:
        return _WHAT_TO_DO[kind]
    message = spelled(message.removeprefix("Value error, "))  # it may quote a character of the input
    return message[0].lower() + message[1:] if message.startswith(("Input", "String", "Value")) else message


def _about_fields(found: list[ErrorDetails]) -> bool:
    return any(one["type"] in {"extra_forbidden", "missing", "model_type"} for one in found)


def _got(found: ErrorDetails) -> str:
    value = found["input"]
    if found["type"] == "missing" or isinstance(value, dict):
        return ""
    if isinstance(value, bytes):  # JSON that could not be read
        value = value[: 4 * _LONGEST_SHOWN].decode(errors="replace")
    return f" (got {_cut(repr(value))})"


def shown(text: str, longest: int = _LONGEST_SHOWN) -> str:
    """Return text from a user so that it fits into one line: escaped and cut."""
    return _cut(spelled(text[: longest + 1]), longest)


def _cut(text: str, longest: int = _LONGEST_SHOWN) -> str:
    return text if len(text) <= longest else text[:longest] + "…"
