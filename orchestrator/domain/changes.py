"""What a process changes of a subscription: its values and its status, before and after."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue
from pydantic_core import to_json

from orchestrator.domain.errors import InvalidInput
from orchestrator.domain.subscription import SubscriptionModel

OWNER = "owner_subscription_id"
"""The name of the value of a reference that names its owner."""


class Change(BaseModel):
    """A value of a subscription that has changed, or would change."""

    model_config = ConfigDict(frozen=True)

    name: str
    before: JsonValue
    after: JsonValue


def as_text(value: JsonValue) -> str:
    """Return the value as people read it."""
    match value:
        case None:
            return "-"
        case str():
            return value
        case _:
            return to_json(value).decode()


def content(document: Mapping[str, Any]) -> dict[str, JsonValue]:
    """Return the values and the status in the JSON of a subscription; of a reference, the id of its owner.

    The JSON may be of an older release, so it need not fit the present models.
    """
    block = document[block_name(document)]
    values = {
        name: value.get(OWNER, value) if isinstance(value, dict) else value for name, value in block.items()
    }
    return values | {"status": document["status"]}


def block_name(document: Mapping[str, Any]) -> str:
    """Return the name of the product block in the JSON of a subscription."""
    (name,) = (name for name, part in document.items() if isinstance(part, dict) and name != "product")
    return name


def differences(before: Mapping[str, JsonValue], after: Mapping[str, JsonValue]) -> tuple[Change, ...]:
    """Return what differs between two contents; a value that only one release knows is left out."""
    return tuple(
        Change(name=name, before=value, after=after[name])
        for name, value in before.items()
        if name in after and after[name] != value
    )


def require_unchanged(subscription: SubscriptionModel, given: Mapping[str, JsonValue]) -> None:
    """Require that values which cannot be changed are the present ones.

    Raises:
        InvalidInput: when one differs.
    """
    present = subscription.block.model_dump(mode="json")
    for name, value in given.items():
        if value != present[name]:
            raise InvalidInput(f"{name} cannot be changed: it is {present[name]}, not {value}; leave it out")
