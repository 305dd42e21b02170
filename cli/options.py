"""Command-line options: generated from the input forms, and shared by all commands."""

import getpass
import sys
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

import click
from pydantic import ValidationError

from orchestrator.domain.errors import InvalidInput
from orchestrator.domain.input_errors import explain, shown
from orchestrator.domain.text import printable
from orchestrator.process.forms import ModifyForm, OperatorNote, StartForm

F = TypeVar("F", bound=OperatorNote)
Command = Callable[..., Any]

LONGEST_ID = 1000
"""Bytes: the longest workflow id that Temporal accepts."""

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document and nothing else."
)
limit_option = click.option(
    "--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="Maximum number of entries."
)


def examples(*lines: str) -> str:
    """Return the examples for the end of a help page, one a line."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def form_options(*forms: type[StartForm], without: tuple[str, ...] = ()) -> Callable[[Command], Command]:
    """Add an option for each field of the forms; the command receives the values as text."""
    fields = {
        name: field for form in forms for name, field in form.model_fields.items() if name not in without
    }

    def decorate(command: Command) -> Command:
        for name, field in reversed(fields.items()):
            required = " (required; asked for on a terminal)" if field.is_required() else ""
            command = click.option(
                f"--{name.replace('_', '-')}",
                name,
                metavar=_metavar(field.annotation),
                help=f"{field.description}{required}.",
            )(command)
        return command

    return decorate


def starting_options(command: Command) -> Command:
    """Add the options that every command that starts a process has."""
    for option in (
        json_option,
        click.option(
            "--no-wait", is_flag=True, help="Print the process id and return; the process continues."
        ),
        click.option("--process-id", metavar="ID", help="Id of the process (default: a new one)."),
    ):
        command = option(command)
    return command


def _metavar(annotation: Any) -> str:
    types = {annotation, *getattr(annotation, "__args__", ())}
    types |= {getattr(one, "__origin__", one) for one in types}  # the types inside Annotated
    return "UUID" if UUID in types else "N" if int in types else "TEXT"


def fill(form: type[F], given: dict[str, str]) -> F:
    """Return the form with these values; prompt for missing ones on a terminal.

    Raises:
        InvalidInput: if a value is invalid, or is missing and there is no terminal.
    """
    clearable = form.clearable if issubclass(form, ModifyForm) else frozenset()
    values = {name: None if value == "null" and name in clearable else value for name, value in given.items()}
    for name, field in form.model_fields.items():
        if field.is_required() and name not in values and sys.stdin.isatty():
            values[name] = click.prompt(field.title or name, err=True)
    try:
        return form.model_validate(values)
    except ValidationError as error:
        raise InvalidInput(explain(error, form)) from error


def as_uuid(text: str) -> UUID:
    """Return the text as a UUID.

    Raises:
        InvalidInput: if it is not a UUID.
    """
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput(
            f"'{shown(text)}' is not a UUID; give one like 9f4fa2f2-9a9e-5fe2-98b0-88ae4c8e9778"
        ) from None


def require_text(text: str | None) -> None:
    """Require that the text can be a process id or a name; `None` passes.

    Raises:
        InvalidInput: if it is empty, has control characters, is not Unicode, or is longer than Temporal
            accepts.
    """
    if text is None:
        return
    if not text:
        raise InvalidInput("An id or a name must not be empty; give at least one character")
    try:
        if len(printable(text).encode()) > LONGEST_ID:
            raise InvalidInput(f"'{shown(text)}' is too long: at most {LONGEST_ID} bytes")
    except ValueError as error:
        raise InvalidInput(f"'{shown(text)}' {error}") from None


def current_user() -> str | None:
    """Return the login name; `None` if the operating system knows none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return None
