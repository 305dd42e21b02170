"""Lists are filtered from the command line, on a database of its own."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from orchestrator.database.connection import open_pool
from services.fake_group_management import FakeGroupManagement
from services.fake_system import Fault
from settings import Endpoints
from tests.starting import Starter

CUSTOMER = str(uuid4())


@pytest.fixture
def secure() -> str:
    """The id of the process that is parked; Temporal knows the ids of all tests."""
    return f"secure-{uuid4()}"


@pytest.fixture
async def starter(starter: Starter, groups: FakeGroupManagement, secure: str) -> Starter:
    """Two groups are there; the second one was not made, because its name was rejected."""
    await groups.system.order(Fault(kind="reject", name="Security team"))
    north = ("create", "user-group", "--group-name", "North team", "--customer-id", CUSTOMER, "--by", "alice")
    await starter(*north, "--reason", "ticket 4711")
    await starter(
        "create", "user-group", "--group-name", "Security team", "--by", "bob", "--process-id", secure
    )
    return starter


async def listed(starter: Starter, *arguments: str) -> list[str]:
    """Return the names of the subscriptions, or who started the processes, of a list."""
    ended = await starter(*arguments, "--json")
    assert ended.code == 0, ended
    if arguments[0] == "processes":
        return [one["created_by"] for one in ended.document]
    return [one["user_group"]["group_name"] for one in ended.document]


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (["--search", "team"], ["Security team", "North team"]),
        (["--search", "nor TEA"], ["North team"]),
        (["--search", "north security"], []),
        (["--customer", CUSTOMER], ["North team"]),
        (["--customer", str(uuid4())], []),
        (["--held-by", "secure"], ["Security team"]),
        (["--held-by", "nobody"], []),
        (["--since", "1d"], ["Security team", "North team"]),
        (["--since", "0s"], []),
        (["--search", "team", "--status", "active", "--since", "1h"], ["North team"]),
        (["--search", "team", "--out-of-sync", "--product", "User Group"], ["Security team"]),
        (["--search", "team", "--limit", "1"], ["Security team"]),
    ],
)
async def test_subscriptions_are_found(
    starter: Starter, secure: str, filters: list[str], names: list[str]
) -> None:
    typed = [secure if one == "secure" else one for one in filters]
    assert await listed(starter, "subscriptions", *typed) == names


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        (["--search", "4711"], ["alice"]),
        (["--search", "secure"], ["bob"]),
        (["--search", "create user"], ["bob", "alice"]),
        (["--search", "rejects secur"], ["bob"]),
        (["--workflow", "create_user_group"], ["bob", "alice"]),
        (["--workflow", "create_user"], []),
        (["--by", "alice"], ["alice"]),
        (["--since", "1d", "--step", "resync"], ["alice"]),
        (["--step", "provision_user_group"], ["bob"]),
        (["--because", "rejects 'Secur"], ["bob"]),
        (["--reason", "rejects"], ["bob"]),
        (["--because", "ticket"], []),
        (["--status", "parked", "--search", "alice"], []),
        (["--after", "secure", "--search", "create"], ["alice"]),
    ],
)
async def test_processes_are_found(
    starter: Starter, secure: str, filters: list[str], names: list[str]
) -> None:
    typed = [secure if one == "secure" else one for one in filters]
    assert await listed(starter, "processes", *typed) == names


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["processes", "--workflow", "create_user_grup"],
            "There is no workflow 'create_user_grup'; give one of create",
        ),
        (["retry", "--workflow", "nothing"], "There is no workflow 'nothing'"),
        (["processes", "--since", "yesterday"], "'yesterday' is not a time; give a date or a time"),
        (["subscriptions", "--since", "99999999d"], "'99999999d' is not a time"),
        (["subscriptions", "--customer", "ACME"], "'ACME' is not an id of a customer"),
        (["subscriptions", "--search", "--"], "'--' has no word to search for"),
        (["processes", "--because", ""], "must not be empty"),
        (["processes", "--reason", "a", "--because", "b"], "is given 2 times"),
    ],
)
async def test_a_filter_that_cannot_be_is_refused(starter: Starter, arguments: list[str], told: str) -> None:
    ended = await starter(*arguments)
    assert ended.code == 2
    assert told in ended.stderr


async def test_a_time_without_an_offset_is_local(starter: Starter) -> None:
    local = datetime.now().astimezone() - timedelta(minutes=5)
    for typed in (
        local.isoformat(),
        local.replace(tzinfo=None).isoformat(),
        local.astimezone(UTC).isoformat(),
    ):
        assert len(await listed(starter, "processes", "--since", typed)) == 2


async def test_validations_are_one_line_of_a_subscription(starter: Starter, endpoints: Endpoints) -> None:
    [north] = (await starter("subscriptions", "--customer", CUSTOMER, "--json")).document
    about = north["subscription_id"]
    assert "validation" not in (await starter("subscription", about)).stdout
    for _ in range(2):
        await starter("validate", about)
    folded, unfolded = await starter("subscription", about), await starter("subscription", about, "--all")
    document = (await starter("subscription", about, "--json")).document
    async with await open_pool(endpoints.database_url.get_secret_value(), size=1) as pool:
        times = await pool.fetch("SELECT started_at FROM processes WHERE target = 'VALIDATE' ORDER BY 1")
    assert (folded.stdout.count("validate_user_group"), unfolded.stdout.count("validate_user_group-")) == (
        0,
        2,
    )
    assert folded.stdout.count("create_user_group-") == unfolded.stdout.count("create_user_group-") == 1
    assert "\n2 validations: the first " in folded.stdout
    assert folded.stdout.endswith(" ✓ completed\n")
    assert document["validations"] == {
        "number": 2,
        "first_at": times[0][0].isoformat().replace("+00:00", "Z"),
        "last_at": times[1][0].isoformat().replace("+00:00", "Z"),
        "last_status": "completed",
    }
