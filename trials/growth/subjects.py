"""What is measured beside lists: reads, the gate, and processes without Temporal."""

from collections.abc import Awaitable, Callable
from random import Random

from cli.documents import subscription_document
from orchestrator.database import process_lists, processes, relations
from orchestrator.database.connection import transaction
from orchestrator.domain.process import Target
from trials.growth.database import GROUP, USER, Filled
from trials.growth.filling import process_id, subscription_id
from trials.inputs import Inputs, Known
from trials.workload import Start

LONGEST = 1000
"""Rows of the trail that the command `subscription` shows at most."""


Run = Callable[[Filled], Awaitable[None]]


def every_subject(create: Start) -> dict[str, Run]:
    """Return what is measured beside lists, by name.

    Args:
        create: the create that is measured; what it has created is then modified.
    """
    return {
        "subscription ID (a user)": _show(USER),
        "subscription ID (a group)": _show(GROUP),
        "process ID": _show_process,
        "gate, asked by a command (a user)": _ask_gate(USER),
        "gate, asked by a command (a group)": _ask_gate(GROUP),
        "gate, under its locks (a user)": _lock,
        **_sql(create),
    }


def _show(place: int) -> Run:
    async def run(filled: Filled) -> None:
        wanted = subscription_id(filled.number(place))
        async with filled.pool.acquire() as connection:
            await subscription_document(connection, wanted)
            await process_lists.list_processes(connection, subscription_id=wanted, limit=LONGEST)

    return run


async def _show_process(filled: Filled) -> None:
    wanted = process_id("create_user", filled.number(USER), 1)
    async with filled.pool.acquire() as connection:
        await processes.read_process(connection, wanted)
        await processes.read_events(connection, wanted)


def _ask_gate(place: int) -> Run:
    async def run(filled: Filled) -> None:
        async with filled.pool.acquire() as connection:
            await relations.read_subject(connection, subscription_id(filled.number(place)))

    return run


async def _lock(filled: Filled) -> None:
    async with transaction(filled.pool) as connection:
        await relations.lock_subject(connection, subscription_id(filled.number(USER)), {})


def _sql(create: Start) -> dict[str, Run]:
    inputs = Inputs(Random(0))

    async def run_create(filled: Filled) -> None:
        created = await filled.sql.run(create)
        filled.created.append(Known(created, create.form.values()))

    async def run_modify(filled: Filled) -> None:
        about = filled.created.pop(0)
        fields = inputs.on(create.entry, Target.MODIFY, about, {})
        await filled.sql.run(Start(create.entry, Target.MODIFY, fields))

    return {"SQL of a create": run_create, "SQL of a modify": run_modify}
