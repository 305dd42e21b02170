"""Import: brings subscriptions with their trail over from the database of orchestrator-core."""

from collections import Counter
from collections.abc import Callable
from uuid import UUID

from pydantic import BaseModel

from orchestrator.database import imports, orchestrator_core, relations
from orchestrator.database.connection import Connection, Pool, transaction
from orchestrator.database.imports import Importing
from orchestrator.database.orchestrator_core import Source
from orchestrator.domain.gate import Join
from orchestrator.domain.imported import (
    NotImportable,
    SourceProduct,
    SourceSubscription,
    as_here,
    product_here,
)
from orchestrator.domain.subscription import Status, SubscriptionModel

MOST_REFUSED = 1000
"""Refused subscriptions that a report names; it counts all."""

TELL_EVERY = 1000
"""Number of subscriptions after which progress is told."""


class ImportedProduct(BaseModel):
    """What has become of the subscriptions on one product."""

    product: str
    subscriptions: int
    imported: int = 0
    here_already: int = 0
    refused: int = 0
    reason: str | None = None
    """Why no subscription on it comes over; `None` if the product has a counterpart here."""


class RefusedImport(BaseModel):
    """A subscription that was not imported."""

    subscription_id: UUID
    product: str
    description: str
    reason: str


class ImportReport(BaseModel):
    """What an import has done, or would do."""

    dry_run: bool
    products: list[ImportedProduct] = []
    processes: int = 0
    """Processes that came over."""
    left_behind: dict[str, int] = {}
    """Processes that did not, by why."""
    refused: list[RefusedImport] = []
    """The first of those that were refused."""

    @property
    def complete(self) -> bool:
        """Whether every subscription is here now."""
        return not any(one.refused or (one.reason and one.subscriptions) for one in self.products)


class Import:
    """One run of the import. Each subscription is a transaction: a run that is interrupted is run again."""

    def __init__(
        self, pool: Pool, source: Source, importing: Importing, *, dry_run: bool, tell: Callable[[str], None]
    ) -> None:
        self._pool = pool
        self._source = source
        self._importing = importing
        self._tell = tell
        self._would: set[UUID] = set()
        """What a dry run would have imported by now, of the products that others refer to."""
        self._shared: set[str] = set()
        """Processes of several subscriptions that a dry run has counted."""
        self._left: Counter[str] = Counter()
        self._read = 0
        self._report = ImportReport(dry_run=dry_run)

    async def run(self) -> ImportReport:
        """Import every subscription that can be imported and is not here yet; return the report."""
        products = await orchestrator_core.read_products(self._source)
        total = sum(product.subscriptions for product in products)
        # What others refer to comes first.
        for product in sorted(products, key=lambda one: bool(_referred(one.product_type))):
            await self._import_product(product, total)
        if unrelated := await orchestrator_core.count_unrelated_processes(self._source):
            self._left["belongs to no subscription"] = unrelated
        return self._report.model_copy(update={"left_behind": dict(sorted(self._left.items()))})

    async def _import_product(self, product: SourceProduct, total: int) -> None:
        result = ImportedProduct(product=product.name, subscriptions=product.subscriptions)
        self._report.products.append(result)
        try:
            product_id, kind = product_here(product)
        except NotImportable as error:
            result.reason = str(error)
            self._read += product.subscriptions
            return
        async for source in orchestrator_core.stream_subscriptions(self._source, product.product_id):
            try:
                imported = await self._import_one(source, product_id, kind)
            except NotImportable as error:
                result.refused += 1
                self._refuse(source, product, str(error))
            else:
                result.imported += imported
                result.here_already += not imported
            self._read += 1
            if self._read % TELL_EVERY == 0:
                self._tell(f"{self._read} of {total} subscriptions read")

    def _refuse(self, source: SourceSubscription, product: SourceProduct, reason: str) -> None:
        if len(self._report.refused) < MOST_REFUSED:
            refused = RefusedImport(
                subscription_id=source.subscription_id,
                product=product.name,
                description=source.description,
                reason=reason,
            )
            self._report.refused.append(refused)

    async def _import_one(
        self, source: SourceSubscription, product_id: UUID, kind: type[SubscriptionModel]
    ) -> bool:
        """Import a subscription; return False if it is here already.

        Raises:
            NotImportable: if it cannot be imported.
        """
        async with transaction(self._pool) as connection:
            if await imports.exists(connection, source.subscription_id):
                return False
            subscription = as_here(source, product_id, kind)
            if self._report.dry_run:
                await self._lock_joins(connection, subscription)
                processes = await self._count_new(connection, source)
            elif not await imports.begin_import(connection, source, self._importing):
                return False
            else:
                processes = await imports.insert_processes(connection, source, self._importing)
                joins = await self._lock_joins(connection, subscription)
                await imports.insert_imported(connection, product_id, subscription, source, self._importing)
                await relations.relate(connection, source.subscription_id, joins)
        if self._report.dry_run and not subscription.block.references():
            self._would.add(source.subscription_id)
        self._count(source, processes)
        return True

    async def _count_new(self, connection: Connection, source: SourceSubscription) -> int:
        """Return how many processes a dry run would store with the subscription."""
        shared = {one.process_id for one in source.kept_processes if one.shared}
        known = shared & self._shared | await imports.known_processes(connection, list(shared))
        self._shared |= shared
        return len(source.kept_processes) - len(known)

    async def _lock_joins(self, connection: Connection, subscription: SubscriptionModel) -> list[Join]:
        """Lock what the subscription refers to, and return it.

        Raises:
            NotImportable: if the subscription cannot depend on it.
        """
        types = subscription.block.references()
        joined = {owner: types[name].product_type for name, owner in subscription.block.owners().items()}
        joins = await relations.lock_joins(connection, joined)
        holders = await imports.open_holders(connection, list(joined))
        for join in joins:
            if join.subscription is not None or join.subscription_id not in self._would:
                _require_joinable(subscription, join, holders.get(join.subscription_id))
        return joins

    def _count(self, source: SourceSubscription, processes: int) -> None:
        self._report.processes += processes
        for process in source.processes:
            if not process.kept:
                self._left[f"has the target {process.target}"] += 1
        if shared := len(source.kept_processes) - processes:
            self._left["is shown on another subscription"] += shared


def _require_joinable(subscription: SubscriptionModel, join: Join, holder: str | None) -> None:
    """Require that the subscription can depend on this one here, as the gate would."""
    there, depends = join.subscription, f"it depends on {join.subscription_id}, which"
    if there is None:
        raise NotImportable(f"{depends} was not imported")
    if there.product.type != join.product_type:
        raise NotImportable(f"{depends} is no {join.product_type} here")
    if there.status is Status.TERMINATED and subscription.status is not Status.TERMINATED:
        raise NotImportable(f"{depends} is terminated here")
    if holder is not None:
        raise NotImportable(f"{depends} {holder} works on here; import again when that has ended")


def _referred(product_type: str) -> dict[str, object]:
    if product_type not in SubscriptionModel.families:
        return {}
    return dict(SubscriptionModel.stage(product_type, Status.ACTIVE).block_class().references())
