"""What a command prepares before it starts a process: the workflow, its form, and what the gate says."""

import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from temporalio.common import Priority

from catalogue import CatalogueEntry, entry_of, form_of
from cli import output
from cli.asking import confirm
from cli.connections import Connections
from cli.form_options import complete, current_user, fill
from cli.meaning import with_references
from cli.starting import start_process
from orchestrator.database import relations, subscriptions
from orchestrator.domain.errors import GateRefusal, InvalidInput
from orchestrator.domain.gate import SubscriptionNotFound, WorkflowNotValid, judge
from orchestrator.domain.process import Target
from orchestrator.domain.scheduled import spelled_out
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.process.forms import StartForm
from orchestrator.process.frame import ProcessFrame
from orchestrator.process.starting import known_attributes


@dataclass(frozen=True)
class Prepared:
    """A process that the gate lets start."""

    entry: CatalogueEntry
    definition: type[ProcessFrame]
    form: StartForm
    subscription: SubscriptionModel | None = None
    """The subscription that it works on; `None` if it creates one."""

    async def start(
        self, connections: Connections, process_id: str, *, priority: Priority = Priority.default
    ) -> None:
        """Start it under this id.

        Raises:
            ProcessAlreadyExists: if there is, or ever was, a process with this id; nothing was started.
        """
        target, kind = self.definition.target, self.entry.subscription
        known = known_attributes(self.form, process_id, target, kind, self.subscription)
        title = self.form.title
        await start_process(
            connections,
            self.definition,
            self.form,
            process_id,
            title=title,
            attributes=known,
            priority=priority,
        )


Prepare = Callable[[Connections, UUID | None], Awaitable[Prepared]]
"""Finds the workflow, fills its form and asks the gate; the id is of the subscription that it works on."""


def confirm_removal(due: datetime | None, subscription: SubscriptionModel) -> None:
    """Ask for confirmation before the subscription is removed.

    Args:
        due: when that will be; `None` means now.

    Raises:
        InvalidInput: if there is no terminal to ask on.
        click.Abort: if the answer is no.
    """
    if not sys.stdin.isatty():
        raise InvalidInput(f"No terminal to confirm the removal of {subscription.description}; give --yes")
    when = "" if due is None else f" at {spelled_out(due)}"
    confirm(f"Are you sure you want to remove {subscription.description}{when}?")


def on_existing(
    target: Target,
    given: dict[str, str | None],
    *,
    due: datetime | None = None,
    confirmed: Callable[[SubscriptionModel], None] | None = None,
) -> Prepare:
    """Return a function that finds the workflow for a subscription, fills its form and asks the gate.

    Args:
        due: when the process is to start; `None` means now. Later, what the gate says now is only a warning.
    """

    async def prepare(connections: Connections, wanted: UUID | None) -> Prepared:
        assert wanted is not None
        async with connections.pool.acquire() as connection:
            stored = await subscriptions.read_subscription(connection, wanted)
            if stored is None:
                raise SubscriptionNotFound(wanted)
            product_type = stored.subscription.product.type
            entry = entry_of(product_type)
            definition = entry.workflow(target) if entry else None
            if entry is None or definition is None:
                raise WorkflowNotValid(stored.subscription)
            values = complete(form_of(definition), said(given) | {"subscription_id": str(wanted)})
            form = fill(form_of(definition), await with_references(connection, entry, values))
            joined = relations.joined_by(product_type, form.values())
            subject = await relations.read_subject(connection, wanted, joined)
        try:
            judge(subject, target, product_type, getattr(form, "version", None))
        except GateRefusal as refusal:
            if due is None or isinstance(refusal, SubscriptionNotFound | WorkflowNotValid):
                raise
            output.say(f"If it started now, it would be refused: {refusal}")
        if confirmed is not None:
            confirmed(subject.subscription)
        return Prepared(entry, definition, form, subject.subscription)

    return prepare


def said(given: dict[str, str | None]) -> dict[str, str]:
    """Return the options that were given, with the login name as the default of `by`."""
    values = {name: value for name, value in given.items() if value is not None}
    user = current_user()
    return values if user is None else {"by": user} | values
