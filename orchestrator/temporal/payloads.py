"""Payloads: pydantic models as readable JSON. Input that does not fit its form is refused for good."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import temporalio.api.common.v1
from pydantic import BaseModel, ValidationError
from temporalio.contrib.pydantic import PydanticJSONPlainPayloadConverter
from temporalio.converter import (
    CompositePayloadConverter,
    DataConverter,
    DefaultPayloadConverter,
    JSONPlainPayloadConverter,
)
from temporalio.exceptions import ApplicationError

from orchestrator.domain.errors import InvalidInput
from orchestrator.domain.input_errors import explain, shown

R = TypeVar("R")


class Unreadable:
    """A workflow's input that does not fit its form.

    The converter returns it, because the workflow can say on its page what is wrong only once it has begun.
    """

    def __init__(self, message: str) -> None:
        self.message = message


class _JSONPayloadConverter(PydanticJSONPlainPayloadConverter):
    def from_payload(self, payload: temporalio.api.common.v1.Payload, type_hint: type | None = None) -> Any:
        try:
            return super().from_payload(payload, type_hint)
        except ValidationError as error:
            model = _model(type_hint)
            if model is None:
                raise ValueError("the JSON does not have the expected form") from error
            return _refuse(model, explain(error, model))


_JSON = _JSONPayloadConverter()
"""One for all: the SDK makes a new payload converter for every execution."""


class _PayloadConverter(CompositePayloadConverter):
    def __init__(self) -> None:
        super().__init__(
            *(
                converter if not isinstance(converter, JSONPlainPayloadConverter) else _JSON
                for converter in DefaultPayloadConverter.default_encoding_payload_converters
            )
        )

    def from_payloads(
        self,
        payloads: Sequence[temporalio.api.common.v1.Payload],
        type_hints: list[type] | None = None,
    ) -> list[Any]:
        try:
            return super().from_payloads(payloads, type_hints)
        except (KeyError, RuntimeError, ValueError) as error:
            # The encoding is unknown or is not text, or the bytes do not fit it. The SDK gives no type hints
            # for more payloads than parameters. Any other error would fail the workflow task, which
            # Temporal would retry for ever.
            model = next(filter(None, map(_model, type_hints or [])), None)
            name = "input" if model is None else model.__name__
            message = f"Invalid {name}: the input cannot be read ({shown(error.args[0])})"
            return [_refuse(model, message)]


def _refuse(model: type[BaseModel] | None, message: str) -> Unreadable:
    """Return the input as unreadable if this is the form of a workflow.

    Raises:
        ApplicationError: (InvalidInput) if it is not.
    """
    if getattr(model, "is_workflow_input", False):
        return Unreadable(message)
    raise invalid_input(message)


def _model(type_hint: type | None) -> type[BaseModel] | None:
    return type_hint if inspect.isclass(type_hint) and issubclass(type_hint, BaseModel) else None


data_converter = DataConverter(payload_converter_class=_PayloadConverter)


def invalid_input(message: str) -> ApplicationError:
    """Return the error that ends a process at once, or rejects an update, with this message."""
    return ApplicationError(message, type=InvalidInput.__name__, non_retryable=True)


def require_one_model(function: Callable[..., R], arguments: tuple[Any, ...]) -> None:
    """Require that the arguments are the one model that the workflow takes, if it takes one.

    Raises:
        ApplicationError: (InvalidInput) if there is no argument, more than one, or another type.
    """
    (form,) = (
        parameter.annotation
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "self"
    )
    if _model(form) is None:  # a dynamic workflow takes whatever there is
        return
    if len(arguments) == 1 and isinstance(arguments[0], Unreadable):
        raise invalid_input(arguments[0].message)
    if len(arguments) != 1 or not isinstance(arguments[0], form):
        raise invalid_input(
            f"Invalid {form.__name__}: the input must be one JSON object with the fields "
            f"{', '.join(form.model_fields)}; got {'nothing' if not arguments else 'something else'}"
        )


def require_one_model_or_none(update: str, arguments: Sequence[Any]) -> None:
    """Require that the arguments are one model or none, as an update takes.

    Raises:
        ApplicationError: (InvalidInput) if there is more than one argument, or another type: null, bytes.
    """
    if len(arguments) > 1 or not all(isinstance(argument, BaseModel) for argument in arguments):
        raise invalid_input(f"Invalid input of {update}: it must be one JSON object, or nothing")
