"""What lists say of subscriptions that are out of sync: why each of them is."""

from collections.abc import Mapping, Sequence

from rich.text import Text

from cli.output import id_cell, show, state_of
from cli.tables import Column, Table
from orchestrator.database.processes import TrailRow
from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.domain.text import spelled


def print_out_of_sync(subscriptions: Sequence[SubscriptionModel], holders: Mapping[str, TrailRow]) -> None:
    """Print a list of subscriptions that are out of sync, and why each of them is.

    Args:
        holders: the trail rows of the processes that hold them.
    """
    columns = (
        *(Column("Subscription"), Column("Status"), Column("Product")),
        *(Column("Description", long=True), Column("Why", long=True)),
    )
    rows = [
        (
            id_cell(str(one.subscription_id)),
            Text(one.status),
            Text(spelled(one.product.name)),
            Text(spelled(one.description)),
            Text(spelled(why_out_of_sync(one, holders))),
        )
        for one in subscriptions
    ]
    show(Table(columns, rows))


def why_out_of_sync(subscription: SubscriptionModel, holders: Mapping[str, TrailRow]) -> str:
    """Return why a subscription is out of sync; `holders` has the trail row of the process that holds it."""
    if (holder := subscription.held_by) is None:
        return f"discrepancy found by {subscription.discrepancy_found_by}"
    row = holders[holder]
    given_up = row.status is ProcessStatus.FAILED and not row.parked
    return f"held by {holder}, {'given up' if given_up else state_of(row)}"
