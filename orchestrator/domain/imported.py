"""Subscriptions of an orchestrator-core database, and what they become here."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError

from orchestrator.domain.errors import DomainError
from orchestrator.domain.input_errors import explain
from orchestrator.domain.process import ProcessStatus, Target
from orchestrator.domain.product_block import Reference
from orchestrator.domain.subscription import Status, SubscriptionModel

WORKFLOW = "import_orchestrator"
"""Workflow of the trail row that says who imported a subscription."""

AT_WORK = frozenset({"created", "running", "resumed", "suspended", "waiting", "awaiting_callback"})
"""Statuses of a process of orchestrator-core that goes on by itself, or once a person or a system answers."""

ENDED = {"completed": ProcessStatus.COMPLETED, "aborted": ProcessStatus.ABORTED}
"""Statuses that mean the same in both systems. All others mean that a step has failed."""


class NotImportable(DomainError):
    """A product or a subscription has no counterpart here; the message says what is in the way."""


class Read(BaseModel):
    """A row that was read from orchestrator-core."""

    model_config = ConfigDict(frozen=True)


class SourceProduct(Read):
    """A product."""

    product_id: UUID
    name: str
    product_type: str
    fixed_inputs: dict[str, str]
    subscriptions: int
    """Number of subscriptions on it."""


class SourceReference(Read):
    """A product block that another block depends on."""

    attribute: str | None
    owner: UUID
    """The subscription that the block belongs to."""
    values: list[tuple[str, str]]


class SourceBlock(Read):
    """A product block of a subscription."""

    values: list[tuple[str, str]]
    """Resource types, each with a value."""
    references: list[SourceReference]


class SourceProcess(Read):
    """A process."""

    process_id: str
    workflow: str
    target: str
    status: str
    created_by: str | None
    started_at: datetime
    modified_at: datetime
    last_step: str | None
    failed_reason: str | None
    note: str | None
    shared: bool
    """Whether it belongs to several subscriptions."""

    @property
    def kept(self) -> bool:
        """Whether the trail here has its target."""
        return self.target in set(Target)

    @property
    def here(self) -> ProcessStatus:
        """The status that it gets here."""
        return ENDED.get(self.status, ProcessStatus.FAILED)

    @property
    def reason(self) -> str | None:
        """Why it failed; `None` if it did not."""
        if self.here is ProcessStatus.COMPLETED:
            return None
        return self.failed_reason or f"It was {self.status} in orchestrator-core when it was imported"


class SourceSubscription(Read):
    """A subscription with its product blocks and its processes, oldest first."""

    subscription_id: UUID
    customer_id: str
    description: str
    status: str
    insync: bool
    start_date: datetime | None
    end_date: datetime | None
    note: str | None
    version: int
    blocks: list[SourceBlock]
    processes: list[SourceProcess]

    @property
    def import_id(self) -> str:
        """Id of the trail row of its import."""
        return f"import-{self.subscription_id}"

    @property
    def kept_processes(self) -> list[SourceProcess]:
        """The processes that come over."""
        return [one for one in self.processes if one.kept]


def product_here(product: SourceProduct) -> tuple[UUID, type[SubscriptionModel]]:
    """Return the id of the product here with this name, type and these fixed inputs, and its active class.

    Raises:
        NotImportable: if there is none.
    """
    if product.product_type not in SubscriptionModel.families:
        known = ", ".join(sorted(SubscriptionModel.families))
        raise NotImportable(f"no product here has the type {product.product_type}; there are {known}")
    kind = SubscriptionModel.stage(product.product_type, Status.ACTIVE)
    for product_id, here in kind.products.items():
        if here.name == product.name:
            fixed = {name: str(value) for name, value in kind.fixed_inputs.get(product_id, {}).items()}
            if fixed != product.fixed_inputs:
                raise NotImportable(f"its fixed inputs are {product.fixed_inputs}, but here {fixed}")
            return product_id, kind
    known = ", ".join(sorted(here.name for here in kind.products.values()))
    raise NotImportable(f"no product of the type {product.product_type} here has its name; there are {known}")


def as_here(source: SourceSubscription, product_id: UUID, kind: type[SubscriptionModel]) -> SubscriptionModel:
    """Return what a subscription becomes here.

    Args:
        kind: any class of the type of the product.

    Raises:
        NotImportable: if a value, a date or a status has no place here, or a process is still at work there.
    """
    stage = kind.stage(kind.product_type, _status(source))
    _require_at_rest(source)
    _require_dates(source)
    held_by, discrepancy_found_by = _keepers(source)
    fixed = kind.fixed_inputs.get(product_id, {})
    try:
        return stage.model_validate(
            {
                "subscription_id": source.subscription_id,
                "product": kind.products[product_id],
                "customer_id": source.customer_id,
                "description": source.description,
                "status": source.status,
                "insync": source.insync,
                "held_by": held_by,
                "discrepancy_found_by": discrepancy_found_by,
                "start_date": source.start_date,
                "end_date": source.end_date,
                "note": source.note,
                "version": source.version,
                stage.block_name: _block(source.blocks) | _references(source.blocks, stage) | dict(fixed),
            }
        )
    except ValidationError as error:
        raise NotImportable(explain(error)) from error


def _status(source: SourceSubscription) -> Status:
    if source.status not in set(Status):
        known = ", ".join(Status)
        raise NotImportable(
            f"its status is {source.status}, which does not exist here; give it one of {known} there first"
        )
    return Status(source.status)


def _require_at_rest(source: SourceSubscription) -> None:
    for process in source.processes:
        if process.status in AT_WORK:
            raise NotImportable(
                f"process {process.process_id} ({process.workflow}) is {process.status} there; finish or "
                "abort it there, then import again"
            )


def _require_dates(source: SourceSubscription) -> None:
    if source.status == Status.ACTIVE and source.start_date is None:
        raise NotImportable("it is active without a start_date; set it there first")
    if (source.status == Status.TERMINATED) != (source.end_date is not None):
        raise NotImportable(
            f"it is {source.status} {'with' if source.end_date else 'without'} an end_date; here exactly the "
            "terminated ones have one; correct it there first"
        )


def _keepers(source: SourceSubscription) -> tuple[str | None, str | None]:
    """Return what keeps it out of sync: the process that holds it, and the one that found it to differ.

    orchestrator-core only knows that it is out of sync. So it is the process that failed last; if none has
    failed, the import itself.
    """
    if source.insync:
        return None, None
    failed = [one for one in source.kept_processes if one.here is ProcessStatus.FAILED]
    if not failed:
        return source.import_id, None
    last = max(failed, key=lambda one: one.modified_at)
    return (None, last.process_id) if last.target == Target.VALIDATE else (last.process_id, None)


def _block(blocks: Sequence[SourceBlock]) -> dict[str, str]:
    if len(blocks) != 1:
        raise NotImportable(f"it has {len(blocks)} product blocks; a subscription here has one")
    return _values(blocks[0].values)


def _values(values: Sequence[tuple[str, str]]) -> dict[str, str]:
    found = dict(values)
    for name in found:
        if sum(one == name for one, _ in values) > 1:
            raise NotImportable(f"{name} has several values; here it has one")
    return found


def _references(
    blocks: Sequence[SourceBlock], stage: type[SubscriptionModel]
) -> dict[str, dict[str, object]]:
    known = stage.block_class().references()
    found: dict[str, dict[str, object]] = {}
    for reference in blocks[0].references:
        name = reference.attribute
        if name is None or name not in known or name in found:
            raise NotImportable(f"it depends on {reference.owner} as {name}, which has no place here")
        found[name] = _known(known[name], reference)
    return found


def _known(kind: type[Reference], reference: SourceReference) -> dict[str, object]:
    # What this block does not know is found when the subscription that owns it is imported.
    values = {name: text for name, text in _values(reference.values).items() if name in kind.model_fields}
    return {**values, "owner_subscription_id": reference.owner}
