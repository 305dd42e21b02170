"""Runs a process of any workflow of any product: makes up its input, and creates what it needs first."""

from random import Random
from uuid import UUID, uuid4

from catalogue import CATALOGUE, CatalogueEntry, definition_of, entry_of, workflow_type
from orchestrator.domain.process import Target, created_subscription_id
from services.fake_system import FakeSystem, Record
from tests.processes import Handle, Processes
from trials.inputs import Fields, Inputs, Known, references

EVERY = [(entry, target) for entry in CATALOGUE for target in Target if entry.workflow(target) is not None]
"""Every workflow, as its product and its target."""


def label(value: object) -> str:
    """Return the id of a test parameter."""
    return value.command if isinstance(value, CatalogueEntry) else str(value)


class Lifecycle:
    """Creates what a process with one target on a product needs, and starts it."""

    def __init__(self, processes: Processes, entry: CatalogueEntry, target: Target) -> None:
        self.processes = processes
        self.entry = entry
        self.target = target
        self.definition = definition_of(entry, target)
        self.workflow = self.type_of(entry, target)
        self._inputs = Inputs(Random(self.workflow))

    @staticmethod
    def type_of(entry: CatalogueEntry, target: Target) -> str:
        """Return the type of the workflow with this target on this product."""
        return workflow_type(definition_of(entry, target))

    async def prepare(self) -> tuple[str, UUID, Fields]:
        """Create what the process needs; return the process id, the subscription id, and the input."""
        process_id = f"{self.workflow}-{uuid4()}"
        there = {product_type: [await self._refer_to(product_type)] for product_type in self._referred}
        fields = self._inputs.create(self.entry, there)
        if self.target is Target.CREATE:
            return process_id, created_subscription_id(process_id), fields
        creating = self.type_of(self.entry, Target.CREATE)
        made = await self.start(f"{creating}-{uuid4()}", fields, creating)
        await made.result()
        about = Known(created_subscription_id(made.id), fields)
        return process_id, about.subscription_id, self._inputs.on(self.entry, self.target, about, there)

    @property
    def _referred(self) -> list[str]:
        return sorted(set(references(self.entry).values()))

    async def _refer_to(self, product_type: str) -> UUID:
        """Create an active subscription of this product type; return its id."""
        entry = entry_of(product_type)
        assert entry is not None
        create = Lifecycle(self.processes, entry, Target.CREATE)
        process_id, subscription_id, fields = await create.prepare()
        await (await create.start(process_id, fields)).result()
        return subscription_id

    async def start(self, process_id: str, fields: Fields, workflow: str | None = None) -> Handle:
        """Start a process with this id."""
        return await self.processes.client.start_workflow(
            workflow or self.workflow, fields, id=process_id, task_queue=self.processes.task_queue
        )


async def outside(systems: list[FakeSystem], subscription_id: UUID) -> list[Record]:
    """Return the records that the external systems have of a subscription."""
    found = [await system.look(subscription_id) for system in systems]
    return [record for record in found if record is not None]
