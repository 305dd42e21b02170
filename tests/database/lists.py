"""The lists of a database that the generator has filled, with the index that each should use."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from itertools import product
from typing import Any

from orchestrator.database import findings, process_lists, retention, subscriptions
from orchestrator.database.connection import Connection
from orchestrator.database.filters import ProcessFilter, SubscriptionFilter
from orchestrator.database.process_lists import FailedKind
from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.subscription import Status
from trials.growth.filling import process_id, subscription_id

Ask = Callable[[Connection], Awaitable[Any]]
Lists = dict[str, tuple[Ask, str]]
"""Lists with the index that each should use."""

USER, GROUP = subscription_id(1300), subscription_id(1003)
MODIFY = process_id("modify_user", 1301, 2)
AT = datetime(2020, 1, 1, tzinfo=UTC)


def lists_of_subscriptions() -> Lists:
    """Return every list of subscriptions, with the index that it should use."""
    found: Lists = {}
    for status, name, out_of_sync, after in product(
        (None, *Status), (None, "User Group", "User external"), (False, True), (None, USER)
    ):
        filters = {"status": status, "product": name, "out_of_sync": out_of_sync, "after": after}
        index = (
            "subscriptions_out_of_sync_by_status" if out_of_sync else "subscriptions_by_product_and_status"
        )
        found[str(filters)] = partial(subscriptions.list_subscriptions, **filters), index
    for after in (None, USER):
        found[f"to validate after {after}"] = (
            partial(findings.list_active, limit=50, after=after),
            "subscriptions_by_product_and_status",
        )
    return found


def lists_of_processes() -> Lists:
    """Return every list of processes, with the index that it should use."""
    found: Lists = {}
    for status, about, after in product((None, *ProcessStatus), (None, USER), (None, MODIFY)):
        filters = {"status": status, "subscription_id": about, "after": after}
        index = "processes_of_subscription" if about else "processes_by_status"
        found[str(filters)] = partial(process_lists.list_processes, **filters), index
    for kind, after in product(FailedKind, (None, MODIFY)):
        ask = partial(process_lists.list_processes, status=kind, after=after)
        index = "processes_parked" if kind is FailedKind.PARKED else "processes_failed_validations"
        found[f"{kind} after {after}"] = ask, index
    return found


def searches() -> Lists:
    """Return what finds few rows or none by each of the other filters, with the index that it should use."""
    found: Lists = {}
    of_subscriptions = {
        "subscriptions_with_words": SubscriptionFilter(search="user 4711"),
        "subscriptions_by_customer": SubscriptionFilter(customer_id=USER),
        "subscriptions_held_by": SubscriptionFilter(held_by="nobody"),
        "subscriptions_by_creation": SubscriptionFilter(since=AT),
    }
    of_processes = {
        "processes_with_words": ProcessFilter(search="alice nothing"),
        "process_events_with_words": ProcessFilter(search="nothing"),
        "processes_by_workflow": ProcessFilter(workflow="nothing"),
        "processes_by_creator": ProcessFilter(created_by="nobody"),
        "processes_by_start": ProcessFilter(since=AT),
        "processes_by_step": ProcessFilter(step="nothing"),
        "processes_with_reason": ProcessFilter(because="nothing"),
    }
    for after in (None, USER):
        for index, wanted in of_subscriptions.items():
            ask = partial(subscriptions.list_subscriptions, fitting=wanted, after=after)
            found[f"{index} after {after}"] = ask, index
    for last in (None, MODIFY):
        for index, sought in of_processes.items():
            listed = partial(process_lists.list_processes, fitting=sought, after=last)
            found[f"{index} after {last}"] = listed, index
    return found


FEW = [process_id("validate_user", 1302, 3), process_id("validate_user", 1304, 3)]


async def fold(connection: Connection) -> None:
    """Fold validations that have no event."""
    await connection.execute("DELETE FROM process_events WHERE process_id = ANY ($1)", FEW)
    await retention.fold(connection, FEW)


async def refer(connection: Connection) -> None:
    """Look for what refers to a process, as PostgreSQL does when one is deleted."""
    await connection.fetch("SELECT FROM subscriptions WHERE held_by = $1 FOR KEY SHARE", MODIFY)
    await connection.fetch("SELECT FROM subscriptions WHERE discrepancy_found_by = $1 FOR KEY SHARE", MODIFY)
