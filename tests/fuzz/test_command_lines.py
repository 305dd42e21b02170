"""Any command line is executed, or refused in one line without a write."""

import asyncio
import json
import re
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, given, settings

from orchestrator.operations.schedules import CLEAN_UP, VALIDATION, end_schedule
from tests.fuzz.command_lines import command_lines
from tests.fuzz.stage import Rows, Stage, changed, require_one_line
from tests.fuzz.tally import Batch, Tally, batches, share
from tests.processes import eventually
from tests.starting import Ended, run_here


async def test_every_command_line(stage: Stage, tally: Callable[[str], Tally]) -> None:
    counts = tally("command lines")

    @settings(
        max_examples=share(50),
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(batches(command_lines()))
    def check(drawn: Batch[list[str]]) -> None:
        for line in drawn.inputs:
            stage.run(stage.set())
            arguments = [stage.fill_in(one) for one in line]
            before = stage.run(stage.written())
            ended = run_here(arguments)
            stage.run(until_nothing_runs(stage, arguments, ended))
            try:
                require_readable(arguments, ended)
                if accepted := accepted_of_many(arguments, ended):
                    stage.run(until_ended(stage, before, accepted))
                else:
                    require_written(ended, changed(before, stage.run(stage.written())))
            except (AssertionError, ValueError) as error:
                raise AssertionError(f"{[ascii(one)[:300] for one in arguments]}\n{ended}") from error
            counts.add("accepted" if ended.code == 0 else "refused")

    await asyncio.to_thread(check)
    await stage.end_scheduled()


async def until_nothing_runs(stage: Stage, arguments: list[str], ended: Ended) -> None:
    """Wait for a process that the command has left running."""
    waits = "--no-wait" in arguments and not {"--at", "--in"} & set(arguments)
    if waits and ended.code == 0 and not ended.stdout.startswith("Usage: "):
        is_json = ended.stdout.startswith("{")
        process_id = ended.document.get("process_id") if is_json else ended.stdout.removesuffix("\n")
        if process_id is not None and "accepted" not in ended.stderr:  # a command for many names no process
            await stage.processes.until_closed(stage.client.get_workflow_handle(process_id))
    if "schedule" in arguments:
        for regular in (VALIDATION, CLEAN_UP):
            await end_schedule(stage.client, regular)


def accepted_of_many(arguments: list[str], ended: Ended) -> int:
    """Return how many validations a command for many has started; there is nothing else for it to act on."""
    if "validate" not in arguments:
        return 0
    if ended.stdout.startswith("{") and ended.code != 2:
        return len(ended.document.get("done", ()))
    told = re.search(r"^(\d+) accepted", ended.stderr, re.MULTILINE)
    return int(told[1]) if told else 0


async def until_ended(stage: Stage, before: Rows, number: int) -> None:
    """Wait until so many new processes have ended."""

    async def reached() -> bool | None:
        ended = await stage.pool.fetchval(
            "SELECT count(*) FROM processes WHERE ended_at IS NOT NULL AND process_id <> ALL ($1)",
            list(before["processes"]),
        )
        return ended >= number or None

    await eventually(reached)


def require_written(ended: Ended, new: Rows) -> None:
    """Assert that a refusal writes nothing, or only one trail row if the process itself was refused."""
    if ended.code == 2:
        assert not any(new.values()), new
    elif ended.code == 1:
        rows = new.pop("processes"), new.pop("process_steps")
        assert len(rows[0]) <= 1, rows
        assert not any(new.values()), new


def require_readable(arguments: list[str], ended: Ended) -> None:
    """Assert that a person or a program can read the output."""
    assert ended.code in {0, 1, 2}
    assert "Traceback" not in ended.stdout + ended.stderr
    assert "does not answer" not in ended.stdout + ended.stderr
    if "--json" in arguments and ("--" not in arguments or ended.stdout.startswith("{")):
        document = json.loads(ended.stdout)
        if ended.code == 2:
            require_one_line(document["error"]["message"])
    elif ended.code:
        complaint = ended.stderr.rpartition("Error: ")[2] or ended.stdout
        if not complaint.startswith("Usage: "):
            require_one_line(complaint.removesuffix("\n"))
