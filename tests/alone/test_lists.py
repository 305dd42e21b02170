"""Lists show the newest first, on a database of its own."""

from tests.cli.test_ids import group
from tests.starting import Starter


async def test_a_list_continues_to_older_ones(starter: Starter) -> None:
    made = [await group(starter, name) for name in ("a", "b", "c")]
    for command, at in (("processes", 0), ("subscriptions", 1)):
        ids = [one[at] for one in reversed(made)]
        newest = (await starter(command, "--limit", "3", "--json")).document
        older = (await starter(command, "--limit", "2", "--after", ids[0], "--json")).document
        name = "process_id" if at == 0 else "subscription_id"
        assert [one[name] for one in newest] == ids
        assert [one[name] for one in older] == ids[1:]
