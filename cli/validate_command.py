"""The command that validates: one subscription, those that fit, or every active one."""

from uuid import UUID

import click

from cli.connections import Connections
from cli.filtering import subscription_filters
from cli.form_options import fill, form_options
from cli.many import Act, Many, act_on_many, find_subscriptions
from cli.options import at_once_option, command, examples, starting_options
from cli.preparing import Prepare, on_existing, said
from cli.start_commands import forms_of, start
from cli.starting import new_process_id
from cli.typed import require_subscription, require_text
from cli.validating import validate_all
from orchestrator.database.filters import SubscriptionFilter
from orchestrator.domain.errors import InvalidInput
from orchestrator.domain.process import Target
from orchestrator.domain.subscription import Status
from orchestrator.operations.validate_subscriptions import ValidateSubscriptionsForm
from orchestrator.temporal.priorities import BATCH


@command(
    "validate",
    epilog=examples(
        "starter.py validate 64f731c2-30f5-5d90-b7b0-8f61a6fa6cce",
        'starter.py validate --product "User Group" --since 7d',
        "starter.py validate --all --json",
    ),
)
@click.argument("subscription_id", required=False)
@click.option("--all", "every", is_flag=True, help="Validate every active subscription.")
@at_once_option
@click.option("--product", metavar="NAME", help="Only those on this product.")
@subscription_filters
@click.option("--yes", is_flag=True, help="For many: do not ask for confirmation.")
@form_options(*forms_of(Target.VALIDATE), without=("subscription_id",))
@starting_options
def validate(
    *,
    subscription_id: str | None,
    every: bool,
    at_once: str | None,
    product: str | None,
    wanted: SubscriptionFilter,
    yes: bool,
    process_id: str | None,
    no_wait: bool,
    opens: bool,
    as_json: bool,
    **given: str | None,
) -> int:
    """Compare subscriptions with the external systems.

    Give one, filters for the active ones that fit, or --all for every active one.
    """
    one = subscription_id is not None
    many = bool(wanted) or product is not None
    if [every, one, many].count(True) != 1:
        raise InvalidInput("Give a subscription id, or filters such as --product or --search, or --all")
    require_subscription(subscription_id)
    require_text(product)
    if at_once is not None and not every:
        raise InvalidInput("--at-once belongs to --all; leave it out")
    if process_id is not None and many:
        raise InvalidInput("--process-id belongs to one process; leave it out")
    if opens and many:
        raise InvalidInput("--open belongs to one process; leave it out")
    if not one and given.pop("version", None) is not None:
        raise InvalidInput("--version belongs to one subscription; leave it out")
    if every:
        form = fill(ValidateSubscriptionsForm, said(given | {"at_once": at_once}))
        return validate_all(form, process_id, no_wait=no_wait, opens=opens, as_json=as_json)
    prepare = on_existing(Target.VALIDATE, given)
    if one:
        return start(
            prepare, process_id, no_wait=no_wait, opens=opens, as_json=as_json, about=subscription_id
        )
    find = find_subscriptions(wanted, product, status=Status.ACTIVE)
    return act_on_many(Many("validate", "subscription", find, _starting(prepare), yes), as_json=as_json)


def _starting(prepare: Prepare) -> Act:
    """Return a function that starts a validation of a subscription, which nobody waits for."""

    async def begin(connections: Connections, found: str) -> None:
        prepared = await prepare(connections, UUID(found))
        await prepared.start(connections, new_process_id(prepared.definition), priority=BATCH)

    return begin
