"""Which subscription or process a person means by what was typed: an id, its beginning, a description."""

import re
from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from catalogue import CatalogueEntry, registered_workflows, workflow_type
from cli.connections import Connections
from cli.typed import SHORTEST, as_uuid, random_part, require_subscription
from orchestrator.database import lookup
from orchestrator.database.connection import Connection
from orchestrator.domain.errors import DomainError, InvalidInput
from orchestrator.domain.gate import SubscriptionNotFound
from orchestrator.domain.input_errors import shown
from orchestrator.temporal.executions import find_execution
from orchestrator.temporal.visibility import list_beginning, list_scheduled

T = TypeVar("T", UUID, str, UUID | str)

IN_AN_ID = re.compile(r"[\w.:-]+")
"""What the ids have that the programs make up."""
MOST = 10
"""Candidates that a refusal names."""
LONGEST = 120
"""Characters that it shows of each."""


class AmbiguousId(InvalidInput):
    """What was typed fits several subscriptions or processes; nothing was done."""

    def __init__(self, text: str, found: Sequence[object]) -> None:
        named = ", ".join(shown(str(one), LONGEST) for one in found[:MOST])
        more = " and more" if len(found) > MOST else ""
        super().__init__(f"'{shown(text)}' fits several: {named}{more}; give more characters of the id")


class NothingFits(DomainError):
    """What was typed fits no subscription, and no process in the trail."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"'{shown(text)}' fits no subscription and no process in the trail; give the id of one, "
            f"at least {SHORTEST} characters of it, or the description of a subscription"
        )


async def find_subscription(connection: Connection, text: str) -> UUID:
    """Return the id of the subscription that this text means; a whole id need not exist.

    Raises:
        AmbiguousId: if it fits several.
        SubscriptionNotFound: if it fits none.
        InvalidInput: if it can fit none.
    """
    if (whole := as_uuid(text)) is not None:
        return whole
    require_subscription(text)
    found = await lookup.find_subscriptions(connection, text, MOST + 1)
    if not found:
        raise SubscriptionNotFound(f"'{shown(text)}'")
    return _only(text, found)


async def find_process(connections: Connections, text: str) -> str:
    """Return the id of the process that this text means; a text that fits none is returned unchanged.

    Raises:
        AmbiguousId: if it fits several.
    """
    if len(text) < SHORTEST:
        return text
    async with connections.pool.acquire() as connection:
        found = await lookup.find_processes(connection, text, MOST + 1)
    # A process that no worker has begun yet has no row in the trail, and a scheduled one has none, either.
    if text in found or await find_execution(connections.service, text) is not None:
        return text
    found = found or await _find_scheduled(connections, text) or await _find_in_temporal(connections, text)
    return _only(text, found) if found else text


async def _find_scheduled(connections: Connections, text: str) -> list[str]:
    """Return the scheduled starts whose own id, or that of their process, begins with the text."""
    return [
        one.process_id
        for one in await list_scheduled(connections.service)
        if any(name.startswith(text) for name in (one.process_id, one.starts, random_part(one.starts)))
    ]


async def _find_in_temporal(connections: Connections, text: str) -> list[str]:
    """Return the processes that the trail does not have: of operators, and those whose input was refused."""
    if not IN_AN_ID.fullmatch(text):
        return []
    types = (workflow_type(one) for one in registered_workflows())
    beginnings = [text, *(f"{one}-{text}" for one in types)]
    return await list_beginning(connections.service, beginnings, limit=MOST + 1)


async def find_either(connections: Connections, text: str) -> UUID | str:
    """Return the id of the subscription, or of the process in the trail, that this text means.

    Raises:
        AmbiguousId: if it fits several, or one of each.
        NothingFits: if it fits none.
    """
    whole = as_uuid(text)
    async with connections.pool.acquire() as connection:
        found: list[UUID | str] = [
            *await lookup.find_subscriptions(connection, str(whole or text), MOST + 1),
            *await lookup.find_processes(connection, text, MOST + 1),
        ]
    exact = [one for one in found if one in (whole, text)]
    fitting = exact or (found if len(text) >= SHORTEST else [])
    if not fitting:
        raise NothingFits(text)
    return _only(text, fitting)


async def with_references(
    connection: Connection, entry: CatalogueEntry, values: dict[str, str]
) -> dict[str, str]:
    """Return the values of a form, each reference to another subscription replaced by its id.

    Raises:
        AmbiguousId, SubscriptionNotFound, InvalidInput: as `find_subscription`.
    """
    found = {
        name: str(await find_subscription(connection, values[name])) for name in references(entry, values)
    }
    return values | found


def references(entry: CatalogueEntry, values: dict[str, str]) -> list[str]:
    """Return the names of those of these values that refer to another subscription."""
    return [name for name in entry.subscription.block_class().references() if name in values]


def _only(text: str, found: Sequence[T]) -> T:
    if len(found) > 1:
        raise AmbiguousId(text, found)
    return found[0]
