"""Upload the rows of a file: check each, and store them as a bulk, all or none."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from uuid import UUID, uuid4

from pydantic import BaseModel

from cli.connections import Connections
from cli.row_files import BadRow, RawRow, read_rows
from cli.row_forms import FormRow, as_form, columns
from orchestrator.database import bulk_rows, bulks, relations, subscriptions
from orchestrator.database.bulk_rows import Earlier
from orchestrator.database.connection import Connection
from orchestrator.domain.bulk import ENDED_BADLY, Bulk, RowStatus
from orchestrator.domain.errors import DomainError, GateRefusal, InvalidInput, ProductNotFound
from orchestrator.domain.gate import judge, judge_joins
from orchestrator.domain.process import Target
from orchestrator.process.forms import OperatorNote

BATCH = 200
"""Rows that are stored at once: few, because PostgreSQL ends a transaction that waits long for the gate."""

MOST_BAD = 1000
"""Rows that do not fit, after which the rest of the file is not checked."""


@dataclass(frozen=True)
class Request:
    """Which file to apply, and how."""

    path: Path
    product: str | None
    """Product of the rows that do not name one."""
    note: OperatorNote
    again: bool = False
    """Whether to run rows that an earlier bulk has already."""
    retry_failed: bool = False
    """Whether to run those again that have parked or ended badly."""


class BadLine(BaseModel):
    """A row that does not fit."""

    line: int
    reason: str


class Plan(BaseModel):
    """What the rows of a file ask for, as `--json` prints it."""

    file_name: str
    create: int = 0
    modify: int = 0
    terminate: int = 0
    skipped_done: int = 0
    """Rows that an earlier bulk has completed."""
    skipped_open: int = 0
    """Rows of an earlier bulk that wait, run or are parked."""
    skipped_failed: int = 0
    """Rows of an earlier bulk that have ended badly."""
    bad: list[BadLine] = []
    bulks: list[UUID] = []
    """Bulks that have the skipped rows."""

    @property
    def rows(self) -> int:
        """Number of rows to run."""
        return self.create + self.modify + self.terminate

    @property
    def skipped(self) -> int:
        """Number of rows that an earlier bulk has."""
        return self.skipped_done + self.skipped_open + self.skipped_failed

    def skip(self, earlier: Earlier) -> None:
        """Count a row that an earlier bulk has."""
        if earlier.status is RowStatus.COMPLETED:
            self.skipped_done += 1
        elif earlier.status in ENDED_BADLY:
            self.skipped_failed += 1
        else:
            self.skipped_open += 1
        if earlier.bulk_id not in self.bulks:
            self.bulks.append(earlier.bulk_id)

    def count(self, target: Target) -> None:
        """Count a row to run."""
        name = target.value.lower()
        setattr(self, name, getattr(self, name) + 1)


class UploadInProgress(DomainError):
    """Somebody else uploads rows at this moment; nothing was written."""

    def __init__(self) -> None:
        super().__init__("Somebody else uploads a file at this moment; try again when that has ended")


class Upload:
    """Reads a file once, and stores its rows in one transaction."""

    def __init__(
        self,
        request: Request,
        connections: Connections,
        on_progress: Callable[[int], None],
        *,
        asks_gate: bool,
    ) -> None:
        """Create the upload.

        Args:
            on_progress: is told how many bytes of the file have been read.
            asks_gate: whether to ask the gate for each row, and to store nothing.
        """
        self._request = request
        self._pool = connections.pool
        self._on_progress = on_progress
        self._asks_gate = asks_gate
        self.plan = Plan(file_name=request.path.name)
        self._bulk = Bulk(
            bulk_id=uuid4(),
            file_name=request.path.name,
            created_by=request.note.by,
            reason=request.note.reason,
            created_at=datetime.now(UTC),
            rows=0,
            skipped=0,
        )

    async def run(self, *, terminates: bool) -> Bulk | None:
        """Store the rows if they all fit; return the bulk, or `None` if nothing was stored.

        Args:
            terminates: whether to store rows that terminate a subscription.

        Raises:
            FileNotUsable: when the file cannot be read row by row.
            UploadInProgress: when somebody else stores rows at this moment.
        """
        async with self._pool.acquire() as connection:
            storing = connection.transaction()
            await storing.start()
            keeps = False
            try:
                await self._store(connection)
                fits = bool(self.plan.rows) and not self.plan.bad
                keeps = fits and not self._asks_gate and (terminates or not self.plan.terminate)
            finally:
                await (storing.commit() if keeps else storing.rollback())
        return self._bulk if keeps else None

    async def _store(self, connection: Connection) -> None:
        if not self._asks_gate and not await bulks.lock_uploads(connection):
            raise UploadInProgress
        await bulks.insert_bulk(connection, self._bulk)
        rows = iter(read_rows(self._request.path, columns(), self._on_progress))
        while len(self.plan.bad) < MOST_BAD and (batch := list(islice(rows, BATCH))):
            await self._take(connection, batch)
        self.plan.bad.sort(key=lambda bad: bad.line)
        numbers = {"rows": self.plan.rows, "skipped": self.plan.skipped}
        await bulks.set_size(connection, self._bulk.bulk_id, **numbers)
        self._bulk = self._bulk.model_copy(update=numbers)

    async def _take(self, connection: Connection, batch: list[RawRow | BadRow]) -> None:
        """Check a batch of rows, and store those that are to run."""
        forms = {form.digest: form for form in self._forms(batch)}
        earlier = await bulk_rows.find_earlier(connection, list(forms))
        stored = []
        for digest, form in forms.items():
            known = earlier.get(digest)
            if known is not None and known.bulk_id == self._bulk.bulk_id:
                self._refuse_twin(form.line, known.line)
            elif known is not None and not self._runs_again(known):
                self.plan.skip(known)
            elif await self._may_start(form):
                self.plan.count(form.target)
                stored.append((form.stored(self._bulk.bulk_id, self._process_of(known)), digest))
        if not self.plan.bad:
            await bulk_rows.copy_rows(connection, self._bulk.bulk_id, stored)

    def _forms(self, batch: list[RawRow | BadRow]) -> Iterator[FormRow]:
        """Yield the rows that fit their forms, and that are not in this batch already."""
        lines: dict[UUID, int] = {}
        for raw in batch:
            if isinstance(raw, BadRow):
                self._refuse(raw.line, raw.reason)
                continue
            try:
                form = as_form(raw, self._request.product)
            except (InvalidInput, ProductNotFound) as error:
                self._refuse(raw.line, str(error))
                continue
            if (first := lines.setdefault(form.digest, form.line)) == form.line:
                yield form
            else:
                self._refuse_twin(form.line, first)

    def _refuse_twin(self, line: int, first: int) -> None:
        self._refuse(line, f"is the same as line {first}; remove one of them")

    def _refuse(self, line: int, reason: str) -> None:
        self.plan.bad.append(BadLine(line=line, reason=reason))

    def _runs_again(self, known: Earlier) -> bool:
        failed = known.status is RowStatus.PARKED or known.status in ENDED_BADLY - {RowStatus.LOST}
        return self._request.again or (self._request.retry_failed and failed)

    def _process_of(self, known: Earlier | None) -> str | None:
        """Return the process to retry for a row that an earlier bulk has; `None` if it gets a new one."""
        parked = known is not None and known.status is RowStatus.PARKED
        return known.process_id if known is not None and parked and self._request.retry_failed else None

    async def _may_start(self, row: FormRow) -> bool:
        """Return whether the process of this row may start; if the gate refuses it, note why."""
        if not self._asks_gate:
            return True
        try:
            async with self._pool.acquire() as connection:
                await _ask_gate(connection, row)
        except (GateRefusal, ProductNotFound) as refusal:
            self._refuse(row.line, str(refusal))
            return False
        return True


async def _ask_gate(connection: Connection, row: FormRow) -> None:
    product_type, form = row.entry.product_type, row.form
    joined = relations.joined_by(product_type, form.values())
    if row.target is Target.CREATE:
        await subscriptions.find_product(connection, row.product, product_type)
        judge_joins(await relations.read_joins(connection, joined))
        return
    subject = await relations.read_subject(connection, form.subscription(""), joined)
    judge(subject, row.target, product_type, getattr(form, "version", None))
