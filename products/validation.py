"""One readable line from whatever pydantic found wrong."""

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

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
    "model_type": "must be one JSON object",
    "model_attributes_type": "must be one JSON object",
}


def explain(error: ValidationError, form: type[BaseModel] | None = None) -> str:
    """Return one line that says which field is wrong, how, and what to do.

    Args:
        form: the form that was filled in; `None` means the one that the error names.
    """
    title = form.__name__ if form else error.title
    found = error.errors(include_url=False, include_context=True)
    lines = [
        f"{'.'.join(str(part) for part in one['loc']) or 'the input'} {_complaint(one['type'], one['msg'])}"
        f"{_shown(one['input']) if one['type'] != 'missing' and not isinstance(one['input'], dict) else ''}"
        for one in found[:_MOST_SHOWN]
    ]
    more = f"; and {len(found) - _MOST_SHOWN} more" if len(found) > _MOST_SHOWN else ""
    fields = f" (fields: {', '.join(form.model_fields)})" if form and _about_fields(found) else ""
    return f"Invalid {title}: {'; '.join(lines)}{more}{fields}"


def _complaint(kind: str, message: str) -> str:
    if kind in _WHAT_TO_DO:
        return _WHAT_TO_DO[kind]
    message = message.removeprefix("Value error, ")
    return message[0].lower() + message[1:] if message.startswith(("Input", "String", "Value")) else message


def _about_fields(found: list[ErrorDetails]) -> bool:
    return any(one["type"] in {"extra_forbidden", "missing", "model_type"} for one in found)


def _shown(value: object) -> str:
    text = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return f" (got {text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + '…'})"
