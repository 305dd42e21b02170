"""Command lines of real programs, whose arguments may be bytes that are not text."""

import asyncio
import os
from collections.abc import Callable, Sequence

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz import nasty
from tests.fuzz.stage import Stage, changed
from tests.fuzz.tally import Batch, Tally, batches, share
from tests.fuzz.test_command_lines import require_readable
from tests.starting import Ended, Starter


def _can_be_handed_over(text: str) -> bool:
    try:
        return b"\0" not in os.fsencode(text) and len(text) < 100_000
    except UnicodeEncodeError:
        return False


ARGUMENTS = st.one_of(
    st.binary(max_size=20).map(os.fsdecode), st.sampled_from(nasty.CLASSICS), nasty.TEXTS
).filter(_can_be_handed_over)
LINES = st.one_of(
    ARGUMENTS.map(lambda one: ["create", "user-group", "--json", "--group-name", one]),
    ARGUMENTS.map(lambda one: ["create", "user-group", "--group-name", "ops", "--process-id", one]),
    ARGUMENTS.map(lambda one: ["subscriptions", "--product", one]),
    ARGUMENTS.map(lambda one: ["process", one]),
    ARGUMENTS.map(lambda one: ["set-in-sync", "--json", "--reason", "looked", one]),
    st.lists(ARGUMENTS, min_size=1, max_size=3),
)


async def test_every_program(stage: Stage, tally: Callable[[str], Tally]) -> None:
    counts, starter = tally("programs"), Starter(dict(os.environ))

    @settings(
        max_examples=share(1),
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(batches(LINES))
    def check(drawn: Batch[list[str]]) -> None:
        before = stage.run(stage.written())
        ended = stage.run(run_all(starter, drawn.inputs))
        new = changed(before, stage.run(stage.written()))
        made = 0
        for line, one in zip(drawn.inputs, ended, strict=True):
            try:
                require_readable(line, one)
            except (AssertionError, ValueError) as error:
                raise AssertionError(f"{[ascii(argument)[:300] for argument in line]}\n{one}") from error
            made += one.code == 0 and line[0] == "create"
            counts.add("accepted" if one.code == 0 else "refused")
        assert len(new["subscriptions"]) == len(new["processes"]) == made, new

    await asyncio.to_thread(check)


async def run_all(starter: Starter, lines: Sequence[list[str]]) -> list[Ended]:
    return await asyncio.gather(*(starter.program(*line) for line in lines))
