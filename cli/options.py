"""Options: those of an input form, which a new product brings with it, and those that commands share."""

import sys
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

import click
from pydantic import ValidationError

from products.errors import InvalidInput
from products.validation import explain
from workflows.forms import OperatorNote, StartForm

F = TypeVar("F", bound=OperatorNote)
Command = Callable[..., Any]

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document, nothing else.")
limit_option = click.option(
    "--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="At most so many."
)


def examples(*lines: str) -> str:
    """Return the examples for the end of a help page; each line stands as it is."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def form_options(form: type[StartForm]) -> Callable[[Command], Command]:
    """Give a command one option for each field of the form; the values arrive as they were typed."""

    def decorate(command: Command) -> Command:
        for name, field in reversed(form.model_fields.items()):
            metavar = (
                "UUID"
                if UUID in _types(field.annotation)
                else "N"
                if int in _types(field.annotation)
                else "TEXT"
            )
            required = " (asked for where it is missing)" if field.is_required() else ""
            command = click.option(
                f"--{name.replace('_', '-')}", name, metavar=metavar, help=f"{field.description}{required}"
            )(command)
        return command

    return decorate


def fill(form: type[F], given: dict[str, str]) -> F:
    """Return the form with these values; one that is missing is asked for where somebody can answer.

    Raises:
        InvalidInput: when a value does not fit, or is missing and nobody can be asked.
    """
    values = dict(given)
    for name, field in form.model_fields.items():
        if field.is_required() and name not in values and sys.stdin.isatty():
            values[name] = click.prompt(field.title or name, err=True)
    try:
        return form.model_validate(values)
    except ValidationError as error:
        raise InvalidInput(explain(error, form)) from error


def _types(annotation: Any) -> tuple[Any, ...]:
    return (annotation, *getattr(annotation, "__args__", ()))


def as_uuid(text: str) -> UUID:
    """Return the UUID that was typed.

    Raises:
        InvalidInput: when it is none.
    """
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(
            f"{text!r} is not a UUID; give one like 9f4fa2f2-9a9e-5fe2-98b0-88ae4c8e9778"
        ) from None
