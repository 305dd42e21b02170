"""Users, and the schedule of validations, from the command line."""

from uuid import uuid4

import pytest

from cli.schedule_commands import as_interval
from orchestrator.domain.errors import InvalidInput
from tests.starting import Starter

KEYS = ["username", "age", "user_id", "affiliation", "group"]


async def group(starter: Starter, name: str = "Operators") -> str:
    created = await starter("create", "user-group", "--group-name", name, "--json")
    subscription_id: str = created.document["subscription"]["subscription_id"]
    return subscription_id


async def create_user(starter: Starter, group_id: str, *options: str) -> dict[str, object]:
    command = ["create", "user", "--product", "User external", "--username", "alice", "--group", group_id]
    ended = await starter(*command, *options, "--json")
    subscription: dict[str, object] = ended.document["subscription"]
    return subscription


async def test_a_user_is_created_with_group_and_affiliation(starter: Starter) -> None:
    group_id = await group(starter)
    created = await create_user(starter, group_id, "--age", "42")
    user, shown = created["user"], (await starter("subscription", group_id, "--json")).document
    assert isinstance(user, dict)
    assert list(user) == KEYS
    assert (user["username"], user["age"], user["affiliation"]) == ("alice", 42, "external")
    assert list(user["group"]) == ["group_name", "group_id", "owner_subscription_id"]
    assert user["group"]["owner_subscription_id"] == group_id
    assert created["description"] == "User alice from group Operators (external)"
    assert list(created["product"]) == ["name", "type", "tag", "description"]  # type: ignore[call-overload]
    assert (created["depends_on"], shown["in_use_by"]) == ([group_id], [created["subscription_id"]])


async def test_a_user_changes_groups_and_loses_the_age(starter: Starter) -> None:
    other = await group(starter, "Other")
    user_id = str((await create_user(starter, await group(starter), "--age", "42"))["subscription_id"])
    ended = await starter("modify", user_id, "--group", other, "--age", "null", "--json")
    changed = ended.document["subscription"]
    assert (ended.code, changed["version"], changed["depends_on"]) == (0, 2, [other])
    assert (changed["user"]["age"], changed["user"]["group"]["group_name"]) == (None, "Other")


async def test_a_user_in_an_unknown_group_is_refused_at_once(starter: Starter) -> None:
    missing = str(uuid4())
    command = ["--product", "User internal", "--username", "bob", "--group", missing]
    ended = await starter("create", "user", *command, "--json")
    assert ended.code == 1
    assert (ended.document["process_id"], ended.document["status"]) == (None, "refused")
    assert ended.document["error"] == {
        "type": "SubscriptionNotFound",
        "message": f"Subscription not found (subscription {missing})",
    }


async def test_a_group_in_use_cannot_be_terminated(starter: Starter) -> None:
    group_id = await group(starter)
    await create_user(starter, group_id)
    ended = await starter("terminate", group_id, "--yes", "--json")
    assert (ended.code, ended.document["error"]["type"]) == (1, "SubscriptionInUse")


async def test_an_option_of_another_product_is_refused(starter: Starter) -> None:
    ended = await starter("modify", await group(starter), "--username", "bob")
    assert ended.code == 2
    assert "username is not a field of this form; remove it (got 'bob') (fields: by, reason" in ended.stderr


async def test_a_schedule_is_set_shown_and_ended(starter: Starter) -> None:
    none = await starter("schedule", "--json")
    made = await starter("schedule", "validate", "--every", "12h", "--json")
    shown = await starter("schedule")
    ended = await starter("schedule", "--json", "validate", "--off")
    nothing = {
        "every": None,
        "scheduled": False,
        "paused": False,
        "next_at": None,
        "last_at": None,
        "last_process_id": None,
        "last_totals": None,
    }
    assert none.document == {"validate": nothing, "clean_up": nothing}
    assert made.document["validate"]["every"] == "12h"
    assert made.document["validate"]["next_at"] is not None
    assert "every 12h" in shown.stdout
    assert ended.document["validate"]["every"] is None


@pytest.mark.parametrize("text", ["", "1", "d", "0d", "-1d", "1w", "59s", "366d", "1.5h", "１d"])
def test_an_invalid_interval_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not an interval from 1m to 365d"):
        as_interval(text)


async def test_the_same_process_id_shows_the_process_that_has_ended(
    starter: Starter,
) -> None:
    """The gate would refuse the subscription that the process itself has terminated."""
    group_id, process_id = await group(starter), f"terminate-{uuid4()}"
    first = await starter("terminate", group_id, "--yes", "--process-id", process_id, "--json")
    again = await starter("terminate", group_id, "--yes", "--process-id", process_id, "--json")
    assert (first.code, again.code) == (0, 1)
    assert (again.document["process_id"], again.document["status"]) == (process_id, "completed")
    assert again.document["error"]["type"] == "ProcessAlreadyExists"


async def test_validate_all_takes_no_version(starter: Starter) -> None:
    ended = await starter("validate", "--all", "--version", "1")
    assert ended.code == 2
    assert "--version belongs to one subscription; leave it out" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["validate", str(uuid4()), "--at-once", "3"], "--at-once belongs to --all"),
        (["validate", "--all", "--at-once", "many"], "Invalid ValidateSubscriptionsForm: at_once"),
        (["schedule", "validate", "--at-once", "101"], "Invalid ValidateSubscriptionsForm: at_once"),
        (["schedule", "validate", "--off", "--at-once", "3"], "Give --off alone"),
    ],
)
async def test_a_wrong_number_at_once_is_refused(
    starter: Starter, arguments: list[str], message: str
) -> None:
    ended = await starter(*arguments)
    assert ended.code == 2
    assert message in ended.stderr


async def test_help_shows_which_options_are_numbers(starter: Starter) -> None:
    assert "--age N " in (await starter("create", "user", "--help")).stdout
