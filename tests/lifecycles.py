"""One process of every workflow, whatever the product: what it needs, and what it finds outside."""

from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

from catalogue import CATALOGUE, CatalogueEntry, workflow_type
from orchestrator.domain.process import Target, created_subscription_id
from services.fake_system import FakeSystem, Record
from tests.processes import Handle, Processes

Fields = dict[str, object]


async def _group(processes: Processes) -> Fields:
    return {"group_name": "Before"}


async def _user(processes: Processes) -> Fields:
    group_id = await processes.active_group()
    return {"product": "User internal", "username": "before", "age": 42, "group": str(group_id)}


CREATED: dict[str, Callable[[Processes], Awaitable[Fields]]] = {"UserGroup": _group, "User": _user}
MODIFIED: dict[str, Fields] = {
    "UserGroup": {"group_name": "After"},
    "User": {"username": "after", "age": None},
}
EVERY = [(entry, target) for entry in CATALOGUE for target in Target if entry.workflow(target) is not None]
"""Every workflow, as its product and its target."""


def label(value: object) -> str:
    """Name a workflow in the name of a test."""
    return value.command if isinstance(value, CatalogueEntry) else str(value)


class Lifecycle:
    """Starts a process with one target on a product, after what it needs has been made."""

    def __init__(self, processes: Processes, entry: CatalogueEntry, target: Target) -> None:
        self.processes = processes
        self.entry = entry
        self.target = target
        definition = entry.workflow(target)
        assert definition is not None
        self.definition = definition
        self.workflow = self.type_of(entry, target)

    @staticmethod
    def type_of(entry: CatalogueEntry, target: Target) -> str:
        """Return the name of the workflow with this target on this product."""
        definition = entry.workflow(target)
        assert definition is not None
        return workflow_type(definition)

    async def prepare(self) -> tuple[str, UUID, Fields]:
        """Make what the process needs; return its id, its subscription's, and its input."""
        process_id = f"{self.workflow}-{uuid4()}"
        fields = await CREATED[self.entry.product_type](self.processes)
        if self.target is Target.CREATE:
            return process_id, created_subscription_id(process_id), fields
        creating = self.entry.workflow(Target.CREATE)
        assert creating is not None
        made = await self.start(f"{workflow_type(creating)}-{uuid4()}", fields, workflow_type(creating))
        await made.result()
        subscription_id = created_subscription_id(made.id)
        changes = MODIFIED[self.entry.product_type] if self.target is Target.MODIFY else {}
        return process_id, subscription_id, {"subscription_id": str(subscription_id), **changes}

    async def start(self, process_id: str, fields: Fields, workflow: str | None = None) -> Handle:
        """Start a process under this id."""
        return await self.processes.client.start_workflow(
            workflow or self.workflow, fields, id=process_id, task_queue=self.processes.task_queue
        )


async def outside(systems: list[FakeSystem], subscription_id: UUID) -> list[Record]:
    """Return what the external systems have of a subscription."""
    found = [await system.look(subscription_id) for system in systems]
    return [record for record in found if record is not None]
