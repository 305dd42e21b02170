"""A transaction of a process: what the ledger shows it before it writes."""

from collections.abc import Mapping
from dataclasses import dataclass

from temporalio.exceptions import ApplicationError

from orchestrator.database import processes
from orchestrator.database.connection import Connection
from orchestrator.domain.errors import DatabaseIsOlder
from orchestrator.domain.process import Process, Target
from orchestrator.process.messages import Ended


@dataclass(frozen=True)
class Page:
    """An open transaction of a process, which holds the lock of its trail row."""

    connection: Connection
    results: Mapping[str, str]
    """The stored results (JSON) of the steps that were asked for and have committed."""


def require_open(page: Page) -> None:
    """Raise the error that the process ended with, if it has ended before its last step.

    After a crash, or an abort at that moment, the steps of its last workflow task run again. The reason for
    the refusal may have passed meanwhile, but the process has ended, and the trail says so.

    Raises:
        ApplicationError: the error that it ended with.
    """
    if processes.END in page.results:
        ended = Ended.model_validate_json(page.results[processes.END])
        raise ApplicationError(ended.failed_reason, type=ended.error_type, non_retryable=True)


async def require_remembered(connection: Connection, process: Process, *, exists: bool) -> None:
    """Raise an error if the database does not know that the process has ever held its subscription.

    Args:
        exists: whether the subscription exists. A create has made it, and nobody deletes one; the other
            processes have kept what they locked.

    Raises:
        DatabaseIsOlder: when it does not know: it was restored to an earlier moment.
    """
    known = exists
    if process.target is not Target.CREATE:
        known = await processes.read_before_image(connection, process.process_id) is not None
    if not known:
        raise DatabaseIsOlder(process.process_id)
