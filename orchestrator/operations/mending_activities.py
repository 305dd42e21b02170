"""The activities that set a subscription in sync and find lost processes."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from temporalio import activity
from temporalio.client import Client

from orchestrator.database.connection import Pool
from orchestrator.domain.subscription import SubscriptionModel
from orchestrator.operations.reconcile import reconcile
from orchestrator.operations.set_in_sync import Fence, set_in_sync
from orchestrator.process.forms import OperatorNote, WorkflowInput


class SetInSyncForm(WorkflowInput):
    """The subscription to set in sync."""

    subscription_id: UUID = Field(title="Subscription", description="Id of the subscription")


class ReconcileForm(WorkflowInput):
    """Who looks for lost processes, and why."""


class LostProcesses(BaseModel):
    """Processes that were found to be lost."""

    model_config = ConfigDict(frozen=True)

    process_ids: tuple[str, ...]


class MendingActivities:
    """Mends what no open process works on. Every activity is idempotent."""

    def __init__(self, client: Client, pool: Pool, fence: Fence) -> None:
        """Create the activities.

        Args:
            fence: tells an external system to refuse earlier calls for a subscription.
        """
        self._client = client
        self._pool = pool
        self._fence = fence

    @activity.defn
    async def set_subscription_in_sync(self, form: SetInSyncForm) -> SubscriptionModel:
        """Set a subscription in sync, as `set_in_sync` does; return it.

        Raises:
            as `set_in_sync`.
        """
        return await set_in_sync(
            self._client, self._pool, form.subscription_id, fence=self._fence, by=form.by, reason=form.reason
        )

    @activity.defn
    async def find_lost_processes(self, note: OperatorNote) -> LostProcesses:
        """Mark the lost processes, as `reconcile` does; return those that were found now.

        Raises:
            as `reconcile`.
        """
        lost = await reconcile(self._client, self._pool)
        return LostProcesses(process_ids=tuple(row.process_id for row in lost))
