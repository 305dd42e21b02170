"""The workload: chooses the process that the client starts next, from all products of the catalogue."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from uuid import UUID

from catalogue import CATALOGUE, CatalogueEntry, definition_of, entry_of, form_of, workflow_type
from orchestrator.domain.process import Target
from orchestrator.process.forms import StartForm
from trials.inputs import Fields, Inputs, Known, references

SHARES = {Target.CREATE: 50, Target.MODIFY: 20, Target.VALIDATE: 15, Target.TERMINATE: 15}
"""Percentage of draws for each target; while nothing is active, a create is drawn instead."""


@dataclass(frozen=True)
class Start:
    """A process to start."""

    entry: CatalogueEntry
    target: Target
    fields: Fields
    """The input."""

    @property
    def workflow(self) -> str:
        """The name of the workflow."""
        return workflow_type(definition_of(self.entry, self.target))

    @property
    def form(self) -> StartForm:
        """The input as the form of the workflow."""
        return form_of(definition_of(self.entry, self.target)).model_validate(self.fields)


class Workload:
    """Draws processes on the subscriptions that it knows as active; the gate refuses those that are not.

    Args:
        catalogue: the products to draw from; those that they refer to are created when needed.
    """

    def __init__(self, random: Random, catalogue: Sequence[CatalogueEntry] = CATALOGUE) -> None:
        self._random = random
        self._inputs = Inputs(random)
        self._catalogue = catalogue
        self._active: dict[str, dict[UUID, Known]] = {}

    def draw(self) -> Start:
        """Return the next process to start."""
        (target,) = self._random.choices(list(SHARES), list(SHARES.values()))
        entries = [] if target is Target.CREATE else self._with_workflow(target)
        if not entries:
            return self._create(self._random.choice(self._creatable()))
        entry = self._random.choice(entries)
        about = self._random.choice(list(self._active[entry.product_type].values()))
        return self._on(entry, target, about)

    def completed(self, start: Start, process_id: str) -> None:
        """Record that this process has completed."""
        active = self._active.setdefault(start.entry.product_type, {})
        form = start.form
        subscription_id = form.subscription(process_id)
        if start.target is Target.CREATE:
            active[subscription_id] = Known(subscription_id, form.values())
        elif start.target is Target.TERMINATE:
            active.pop(subscription_id, None)
        elif subscription_id in active:  # it may have been terminated meanwhile
            values = active[subscription_id].values | form.values()
            active[subscription_id] = Known(subscription_id, values)

    def validations(self) -> list[Start]:
        """Return a validation of every active subscription."""
        return [
            self._on(entry, Target.VALIDATE, about)
            for entry in self._with_workflow(Target.VALIDATE)
            for about in self._active[entry.product_type].values()
        ]

    def _create(self, entry: CatalogueEntry) -> Start:
        for product_type in references(entry).values():
            if not self._active.get(product_type):
                referred = entry_of(product_type)
                assert referred is not None
                return self._create(referred)
        return Start(entry, Target.CREATE, self._inputs.create(entry, self._there()))

    def _on(self, entry: CatalogueEntry, target: Target, about: Known) -> Start:
        return Start(entry, target, self._inputs.on(entry, target, about, self._there()))

    def _creatable(self) -> list[CatalogueEntry]:
        return [entry for entry in self._catalogue if entry.workflow(Target.CREATE)]

    def _with_workflow(self, target: Target) -> list[CatalogueEntry]:
        """Return the products that have this workflow, and an active subscription to run it on."""
        return [
            entry
            for entry in self._catalogue
            if entry.workflow(target) and self._active.get(entry.product_type)
        ]

    def _there(self) -> dict[str, list[UUID]]:
        return {product_type: list(active) for product_type, active in self._active.items()}


def simplest_create(random: Random) -> Start:
    """Return a create of the first product of the catalogue that refers to no other."""
    entry = next(one for one in CATALOGUE if one.workflow(Target.CREATE) and not references(one))
    return Start(entry, Target.CREATE, Inputs(random).create(entry, {}))
