"""A process and a subscription for a test to start with, each with a new id."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from orchestrator.domain.process import Process, Target, created_subscription_id, faked_customer_id
from products.product_types.user_group import USER_GROUP, UserGroupInactive

START = datetime(2040, 2, 29, 12, tzinfo=UTC)
"""Start time of processes that a test makes itself; never the current time of PostgreSQL."""
MINUTE = timedelta(minutes=1)


def new_process(started_at: datetime = START) -> Process:
    """Return a process that is about to create a subscription."""
    process_id = f"create_user_group-{uuid4()}"
    return Process(
        process_id=process_id,
        first_execution_run_id=str(uuid4()),
        workflow="create_user_group",
        target=Target.CREATE,
        subscription_id=created_subscription_id(process_id),
        by="alice",
        reason="a new team",
        started_at=started_at,
    )


def new_subscription(held_by: str | None = None) -> UserGroupInactive:
    """Return an initial subscription on a user group."""
    subscription_id = uuid4()
    customer_id = faked_customer_id(str(subscription_id))
    return UserGroupInactive.from_product_id(
        USER_GROUP, customer_id, subscription_id=subscription_id, held_by=held_by
    )
