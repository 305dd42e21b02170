"""The command that brings a restored database up to date; `make restore` runs it on one."""

import os

import pytest

from tests.starting import Ended, Program


async def restored(environment: dict[str, str], *arguments: str) -> Ended:
    return await Program(os.environ | environment, ("-m", "cli.restored"))(*arguments)


@pytest.mark.parametrize("moment", ["yesterday", "2999-01-01"])
async def test_a_moment_that_has_not_passed_is_wrong_usage(moment: str) -> None:
    ended = await restored({}, moment)
    assert (ended.code, ended.stdout) == (2, "")
    assert f"TIME: '{moment}'" in ended.stderr


async def test_a_server_that_is_away_is_told_in_one_line(environment: dict[str, str]) -> None:
    ended = await restored(environment | {"TEMPORAL_ADDRESS": "127.0.0.1:1"}, "1h")
    assert (ended.code, ended.stdout) == (1, "")
    assert ended.stderr.startswith("Error: Cannot reach Temporal at 127.0.0.1:1")
    assert len(ended.stderr.splitlines()) == 1
