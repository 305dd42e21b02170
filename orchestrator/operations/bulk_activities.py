"""The activity of a bulk: run some of its rows."""

from collections.abc import Mapping
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from temporalio import activity
from temporalio.client import Client

from orchestrator.database import bulk_rows, bulks
from orchestrator.database.connection import Pool
from orchestrator.domain.bulk import RowCounts
from orchestrator.operations.bulk_rounds import LIMITS, Limits, Round, Scene
from orchestrator.process.forms import OperatorNote
from orchestrator.process.starting import Startable


class RunRows(OperatorNote):
    """Input of `run_rows`: which bulk, and who runs it and why (by default who applied the file)."""

    bulk_id: UUID
    at_once: int
    """The largest number of processes in progress."""


class RoundEnded(BaseModel):
    """What has become of the rows of a bulk so far."""

    model_config = ConfigDict(frozen=True)

    counts: RowCounts
    more: bool
    """Whether there are rows that wait or are in progress."""


class BulkActivities:
    """Runs the rows of a bulk."""

    def __init__(
        self, client: Client, pool: Pool, workflows: Mapping[str, Startable], limits: Limits = LIMITS
    ) -> None:
        """Create the activities.

        Args:
            workflows: what a row can start, by workflow type.
            limits: when a round ends.
        """
        self._client = client
        self._pool = pool
        self._workflows = workflows
        self._limits = limits

    @activity.defn
    async def run_rows(self, run: RunRows) -> RoundEnded:
        """Run rows of the bulk for a while; return how many are in which status.

        A worker that dies leaves nothing undone: the next attempt goes on with what is in progress.

        Raises:
            BulkNotFound: when there is no such bulk.
        """
        async with self._pool.acquire() as connection:
            bulk = await bulks.read_bulk(connection, run.bulk_id)
        note = OperatorNote(by=run.by, reason=run.reason)
        if note == OperatorNote():  # started in the Web UI, perhaps
            note = OperatorNote(by=bulk.created_by, reason=bulk.reason)
        scene = Scene(self._client, self._pool, self._workflows, activity.info().task_queue)
        await Round(scene, run.bulk_id, note, run.at_once).run(self._limits, activity.is_worker_shutdown)
        async with self._pool.acquire() as connection:
            counts = await bulk_rows.count_rows(connection, [bulk])
            more = await bulk_rows.has_more(connection, run.bulk_id)
        return RoundEnded(counts=counts[bulk.bulk_id], more=more)
