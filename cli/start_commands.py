"""The commands that start processes: create, modify, terminate."""

from functools import partial
from uuid import UUID

import click

from catalogue import CATALOGUE, CatalogueEntry, form_of
from cli.concluding import Sent, conclude, watch
from cli.connections import Connections
from cli.documents import Outcome, error_of, subscription_document
from cli.dry_run import show_changes
from cli.form_options import complete, fill, form_options
from cli.later import later_options, start_later
from cli.meaning import find_subscription, references, with_references
from cli.options import command, examples, group, starting_options
from cli.preparing import Prepare, Prepared, confirm_removal, on_existing, said
from cli.starting import exists, new_process_id
from cli.times import as_future
from cli.typed import as_uuid, require_subscription, require_text
from cli.web_ui import show_page
from orchestrator.database import relations, subscriptions
from orchestrator.domain.errors import GateRefusal, InvalidInput, ProcessAlreadyExists
from orchestrator.domain.gate import judge_joins
from orchestrator.domain.process import ProcessStatus, Target
from orchestrator.process.forms import StartForm


@group(no_args_is_help=True, epilog=examples('starter.py create user-group --group-name "Network operators"'))
def create() -> None:
    """Create a subscription on a product."""


def add_create_command(entry: CatalogueEntry) -> None:
    """Add ``create PRODUCT`` with the options of the product's form."""
    definition = entry.workflow(Target.CREATE)
    if definition is None:
        return
    form = form_of(definition)

    @create.command(
        entry.command,
        help=f"Create a subscription: {form.__doc__}",
        epilog=examples(*(f"starter.py create {entry.command} {line}" for line in form.examples)),
    )
    @form_options(form)
    @starting_options
    def create_product(
        process_id: str | None, no_wait: bool, opens: bool, as_json: bool, **given: str | None
    ) -> int:
        values = complete(form, said(given))
        require_form(entry, form, values)

        async def prepare(connections: Connections, _: UUID | None) -> Prepared:
            async with connections.pool.acquire() as connection:
                filled = fill(form, await with_references(connection, entry, values))
                if (product := getattr(filled, "product", None)) is not None:
                    await subscriptions.find_product(connection, product, entry.product_type)
                joined = relations.joined_by(entry.product_type, filled.values())
                judge_joins(await relations.read_joins(connection, joined))
            return Prepared(entry, definition, filled)

        return start(prepare, process_id, no_wait=no_wait, opens=opens, as_json=as_json)


def require_form(entry: CatalogueEntry, form: type[StartForm], values: dict[str, str]) -> None:
    """Require that the values fit the form, as far as that can be judged without the database.

    Raises:
        InvalidInput: if they do not.
    """
    typed = references(entry, values)
    for name in typed:
        require_subscription(values[name])
    fill(form, values | {name: str(as_uuid(values[name]) or UUID(int=0)) for name in typed})


for each in CATALOGUE:
    add_create_command(each)


def forms_of(target: Target) -> list[type[StartForm]]:
    """Return the forms of every product for this target."""
    definitions = [entry.workflow(target) for entry in CATALOGUE]
    return [form_of(definition) for definition in definitions if definition is not None]


MODIFY_FORMS = forms_of(Target.MODIFY)


@command(
    "modify",
    epilog=examples(*(f"starter.py modify {line}" for form in MODIFY_FORMS for line in form.examples)),
)
@click.argument("subscription_id")
@click.option("--dry-run", is_flag=True, help="Show what would change; write nothing, start nothing.")
@form_options(*MODIFY_FORMS, without=("subscription_id",))
@later_options
@starting_options
def modify(
    subscription_id: str,
    dry_run: bool,
    at: str | None,
    within: str | None,
    process_id: str | None,
    no_wait: bool,
    opens: bool,
    as_json: bool,
    **given: str | None,
) -> int:
    """Change values of a subscription. Values that you leave out stay."""
    due = as_future(at, within)
    if dry_run and (process_id is not None or no_wait or opens or due is not None):
        raise InvalidInput(
            "--dry-run starts no process; leave out --process-id, --no-wait, --open, --at and --in"
        )
    prepare = on_existing(Target.MODIFY, given, due=due)
    if dry_run:
        return show_changes(prepare, subscription_id, as_json=as_json)
    if due is not None:
        return start_later(prepare, due, process_id, about=subscription_id, opens=opens, as_json=as_json)
    return start(prepare, process_id, no_wait=no_wait, opens=opens, as_json=as_json, about=subscription_id)


@command("terminate", epilog=examples("starter.py terminate 64f731c2-30f5-5d90-b7b0-8f61a6fa6cce --yes"))
@click.argument("subscription_id")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@form_options(*forms_of(Target.TERMINATE), without=("subscription_id",))
@later_options
@starting_options
def terminate(
    subscription_id: str,
    yes: bool,
    at: str | None,
    within: str | None,
    process_id: str | None,
    no_wait: bool,
    opens: bool,
    as_json: bool,
    **given: str | None,
) -> int:
    """Terminate a subscription, and remove it outside."""
    due = as_future(at, within)
    prepare = on_existing(
        Target.TERMINATE, given, due=due, confirmed=None if yes else partial(confirm_removal, due)
    )
    if due is not None:
        return start_later(prepare, due, process_id, about=subscription_id, opens=opens, as_json=as_json)
    return start(prepare, process_id, no_wait=no_wait, opens=opens, as_json=as_json, about=subscription_id)


def start(
    prepare: Prepare,
    process_id: str | None,
    *,
    no_wait: bool,
    opens: bool,
    as_json: bool,
    about: str | None = None,
) -> int:
    """Start a process, follow it, print its outcome, and return the exit code.

    Args:
        opens: whether to open its page in a browser.
        about: what was typed for the subscription that it works on; `None` if it creates one.
    """
    require_text(process_id)
    require_subscription(about)

    async def existing(connections: Connections, error: ProcessAlreadyExists, wanted_id: str) -> Outcome:
        shown = await watch(connections, wanted_id, as_json=as_json)
        return shown.model_copy(update={"error": error_of(error)})

    async def work(connections: Connections, sent: Sent) -> Outcome:
        # Check this before the gate, which would refuse a process that has itself locked the subscription.
        if process_id is not None and await exists(connections, process_id):
            return await existing(connections, ProcessAlreadyExists(process_id), process_id)
        wanted: UUID | None = None
        try:
            wanted = None if about is None else await _find(connections, about)
            prepared = await prepare(connections, wanted)
        except GateRefusal as refusal:
            return await refused(connections, wanted, refusal)
        wanted_id = process_id or new_process_id(prepared.definition)
        try:
            await prepared.start(connections, wanted_id)
        except ProcessAlreadyExists as error:
            return await existing(connections, error, wanted_id)
        sent.process_id = wanted_id
        await show_page(connections, wanted_id, opens=opens, quiet=as_json)
        if no_wait:
            return Outcome(process_id=wanted_id, status=ProcessStatus.RUNNING)
        return await watch(connections, wanted_id, as_json=as_json)

    return conclude(work, no_wait=no_wait, as_json=as_json)


async def _find(connections: Connections, about: str) -> UUID:
    async with connections.pool.acquire() as connection:
        return await find_subscription(connection, about)


async def refused(connections: Connections, about: UUID | None, refusal: GateRefusal) -> Outcome:
    """Return the outcome of a process that the gate refused to start."""
    document = None
    if about is not None:
        async with connections.pool.acquire() as connection:
            if await subscriptions.read_subscription(connection, about) is not None:
                document = await subscription_document(connection, about)
    return Outcome(
        process_id=None, status=ProcessStatus.REFUSED, subscription=document, error=error_of(refusal)
    )
