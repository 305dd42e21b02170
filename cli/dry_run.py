"""Show what a modify would change; write and start nothing."""

from contextlib import suppress

from pydantic import BaseModel, ValidationError

from cli import output
from cli.connections import Connections, with_connections
from cli.documents import Document, error_of, subscription_document
from cli.exit_codes import DONE, NOT_DONE
from cli.history_output import print_changes
from cli.json_output import print_json
from cli.meaning import find_subscription
from cli.preparing import Prepare, Prepared
from cli.typed import require_subscription
from orchestrator.database import subscriptions
from orchestrator.domain.changes import Change, content, differences, require_unchanged
from orchestrator.domain.errors import GateRefusal, InvalidInput
from orchestrator.domain.gate import SubscriptionNotFound
from orchestrator.domain.input_errors import explain
from orchestrator.process.forms import ExistingForm
from orchestrator.temporal.history import LastError


class DryRun(BaseModel):
    """What a modify would do, as `--json` prints it."""

    subscription: Document | None = None
    """As it is now; `None` if there is none."""
    changes: tuple[Change, ...] = ()
    error: LastError | None = None
    """Why the process would be refused, or `None`."""


def show_changes(prepare: Prepare, about: str, *, as_json: bool) -> int:
    """Print what a modify would change; return 1 if it would be refused, else 0.

    Args:
        about: what was typed for the subscription.
    """
    require_subscription(about)

    async def work(connections: Connections) -> DryRun:
        async with connections.pool.acquire() as connection:
            wanted = await find_subscription(connection, about)
        try:
            found = await _judged(connections, await prepare(connections, wanted))
        except GateRefusal as refusal:
            found = DryRun(error=error_of(refusal))
        with suppress(SubscriptionNotFound):
            async with connections.pool.acquire() as connection:
                document = await subscription_document(connection, wanted)
                return found.model_copy(update={"subscription": document})
        return found

    found = with_connections(work, reads=True)
    if as_json:
        print_json(found)
    elif found.error is not None:
        output.complain(found.error.message)
    else:
        print_changes(found.changes, otherwise="No value would change")
        output.say("Nothing was written, and no process was started")
    return DONE if found.error is None else NOT_DONE


async def _judged(connections: Connections, prepared: Prepared) -> DryRun:
    """Return what the process would change, or why its steps would refuse its values."""
    form, before = prepared.form, prepared.subscription
    assert isinstance(form, ExistingForm)
    assert before is not None
    try:
        require_unchanged(before, form.unchanged())
        async with connections.pool.acquire() as connection:
            values = await subscriptions.resolve_references(connection, type(before), form.values())
        after = before.changed(**values)
    except InvalidInput as error:
        return DryRun(error=error_of(error))
    except ValidationError as error:
        return DryRun(error=LastError(type=type(error).__name__, message=explain(error)))
    contents = (content(one.model_dump(mode="json")) for one in (before, after))
    return DryRun(changes=differences(*contents))
