"""The input forms on the command line: options for their fields, and the values that were typed."""

import getpass
import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar
from uuid import UUID

import click
from pydantic import ValidationError

from cli.asking import ask
from cli.options import Command
from orchestrator.domain.errors import InvalidInput
from orchestrator.domain.input_errors import explain
from orchestrator.process.forms import ModifyForm, OperatorNote, StartForm

F = TypeVar("F", bound=OperatorNote)


def form_options(
    *forms: type[StartForm], without: Collection[str] = (), asks: bool = True
) -> Callable[[Command], Command]:
    """Add an option for each field of the forms; the command receives the values as text.

    Args:
        without: names of fields that get no option.
        asks: whether the command asks for a required value on a terminal.
    """
    fields = {
        name: field for form in forms for name, field in form.model_fields.items() if name not in without
    }

    def decorate(command: Command) -> Command:
        for name, field in reversed(fields.items()):
            required = " (required; asked for on a terminal)" if asks and field.is_required() else ""
            command = click.option(
                f"--{name.replace('_', '-')}",
                name,
                metavar=_metavar(field.annotation),
                help=f"{field.description}{required}.",
            )(command)
        return command

    return decorate


def _metavar(annotation: Any) -> str:
    types = {annotation, *getattr(annotation, "__args__", ())}
    types |= {getattr(one, "__origin__", one) for one in types}  # the types inside Annotated
    return "UUID" if UUID in types else "N" if int in types else "TEXT"


def complete(form: type[OperatorNote], given: dict[str, str]) -> dict[str, str]:
    """Return these values and, from a terminal, those that the form requires and that are missing."""
    if not sys.stdin.isatty():
        return given
    fields = form.model_fields.items()
    missing = {name: field for name, field in fields if field.is_required() and name not in given}
    return given | {name: ask(field.title or name) for name, field in missing.items()}


def fill(form: type[F], given: Mapping[str, Any]) -> F:
    """Return the form with these values.

    Raises:
        InvalidInput: if a value is invalid or missing.
    """
    clearable = form.clearable if issubclass(form, ModifyForm) else frozenset()
    values = {name: None if value == "null" and name in clearable else value for name, value in given.items()}
    try:
        return form.model_validate(values)
    except ValidationError as error:
        raise InvalidInput(explain(error, form)) from error


def current_user() -> str | None:
    """Return the login name; `None` if the operating system knows none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return None
