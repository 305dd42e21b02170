"""Payloads: pydantic models as readable JSON; an input that does not fit its form is a final refusal."""

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

from products.errors import InvalidInput
from products.validation import explain

R = TypeVar("R")


class _JSONPayloadConverter(PydanticJSONPlainPayloadConverter):
    def from_payload(self, payload: temporalio.api.common.v1.Payload, type_hint: type | None = None) -> Any:
        try:
            return super().from_payload(payload, type_hint)
        except ValidationError as error:
            raise invalid_input(explain(error, _model(type_hint))) from None


class _PayloadConverter(CompositePayloadConverter):
    def __init__(self) -> None:
        json_converter = _JSONPayloadConverter()
        super().__init__(
            *(
                converter if not isinstance(converter, JSONPlainPayloadConverter) else json_converter
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
        except (KeyError, RuntimeError) as error:  # an encoding that is unknown, or bytes that do not fit it
            model = next(filter(None, map(_model, type_hints or [])), None)
            if model is None:
                raise
            raise invalid_input(f"Invalid {model.__name__}: the input cannot be read ({error})") from None


def _model(type_hint: type | None) -> type[BaseModel] | None:
    return type_hint if inspect.isclass(type_hint) and issubclass(type_hint, BaseModel) else None


data_converter = DataConverter(payload_converter_class=_PayloadConverter)


def invalid_input(message: str) -> ApplicationError:
    """Return the error that ends a process at once, or rejects an update, with this line."""
    return ApplicationError(message, type=InvalidInput.__name__, non_retryable=True)


def require_one_model(function: Callable[..., R], arguments: tuple[Any, ...]) -> None:
    """Do nothing where the arguments are the one model that a workflow takes.

    Raises:
        ApplicationError: (InvalidInput) when there is none, more than one, or something else.
    """
    (form,) = (
        parameter.annotation
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "self"
    )
    if len(arguments) != 1 or not isinstance(arguments[0], form):
        raise invalid_input(
            f"Invalid {form.__name__}: the input must be one JSON object with the fields "
            f"{', '.join(form.model_fields)}; got {'nothing' if not arguments else 'something else'}"
        )
