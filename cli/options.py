"""Command-line options from an input form: a new product brings its own."""

import sys
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

import click
from pydantic import ValidationError

from products.errors import InvalidInput
from products.validation import explain
from workflows.forms import StartForm

F = TypeVar("F", bound=StartForm)
Command = Callable[..., Any]


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
