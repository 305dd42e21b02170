"""Bulks of made-up creates, stored as an upload leaves them."""

from datetime import UTC, datetime
from random import Random
from uuid import UUID, uuid4

from pydantic_core import to_json

from orchestrator.database import bulk_rows, bulks
from orchestrator.database.connection import Pool, transaction
from orchestrator.domain.bulk import Bulk, BulkRow
from trials.journal import Accepted
from trials.workload import simplest_create


async def store_creates(pool: Pool, number: int, random: Random) -> tuple[UUID, list[Accepted]]:
    """Store a bulk of so many creates; return its id, and the processes that its rows become."""
    bulk = Bulk(
        bulk_id=uuid4(),
        file_name="made up",
        created_by=None,
        reason=None,
        created_at=datetime.now(UTC),
        rows=number,
        skipped=0,
    )
    rows, accepted = [], []
    for line in range(1, number + 1):
        start = simplest_create(random)
        process_id = f"{start.workflow}-{UUID(int=random.getrandbits(128), version=4)}"
        (product, *_) = start.entry.subscription.products.values()
        row = BulkRow(
            line=line,
            workflow=start.workflow,
            product=product.name,
            input=to_json(start.fields).decode(),
            process_id=process_id,
        )
        rows.append((row, uuid4()))
        accepted.append(Accepted(process_id=process_id, workflow=start.workflow, fields=start.fields))
    async with transaction(pool) as connection:
        await bulks.insert_bulk(connection, bulk)
        await bulk_rows.copy_rows(connection, bulk.bulk_id, rows)
    return bulk.bulk_id, accepted
