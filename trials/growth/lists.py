"""The lists that are measured: with every filter alone, and with several together."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from orchestrator.database import process_lists, subscriptions
from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.subscription import Status
from trials.growth.database import MIDDLE, USER, Filled
from trials.growth.filling import process_id, subscription_id


@dataclass(frozen=True)
class Subscriptions:
    """A list of subscriptions, as the command `subscriptions` asks for it."""

    status: Status | None = None
    product: str | None = None
    out_of_sync: bool = False
    after: bool = False
    """Whether it begins in the middle of all subscriptions."""

    @property
    def name(self) -> str:
        """The command."""
        options = (
            f"--status {self.status}" if self.status else "",
            f'--product "{self.product}"' if self.product else "",
            "--out-of-sync" if self.out_of_sync else "",
            "--after ID" if self.after else "",
        )
        return " ".join(["subscriptions", *filter(None, options)])

    async def read(self, filled: Filled, limit: int) -> int:
        """Read so many rows at most; return how many there were."""
        async with filled.pool.acquire() as connection:
            found = await subscriptions.list_subscriptions(
                connection,
                status=self.status,
                product=self.product,
                out_of_sync=self.out_of_sync,
                limit=limit,
                after=subscription_id(filled.number(MIDDLE)) if self.after else None,
            )
        return len(found)


@dataclass(frozen=True)
class Processes:
    """A list of processes, as the command `processes` asks for it."""

    status: ProcessStatus | None = None
    of_subscription: bool = False
    """Whether only those on one subscription are listed."""
    after: bool = False
    """Whether it begins in the middle of all processes; of one subscription, after its newest process."""

    @property
    def name(self) -> str:
        """The command."""
        options = (
            f"--status {self.status}" if self.status else "",
            "--subscription ID" if self.of_subscription else "",
            "--after ID" if self.after else "",
        )
        return " ".join(["processes", *filter(None, options)])

    async def read(self, filled: Filled, limit: int) -> int:
        """Read so many rows at most; return how many there were."""
        number = filled.number(USER if self.of_subscription else MIDDLE)
        newest = process_id("validate_user", number, 3)
        async with filled.pool.acquire() as connection:
            found = await process_lists.list_processes(
                connection,
                status=self.status,
                subscription_id=subscription_id(number) if self.of_subscription else None,
                limit=limit,
                after=newest if self.after else None,
            )
        return len(found)


def every_list() -> Iterator[Subscriptions | Processes]:
    """Yield the lists that are measured."""
    statuses = (None, Status.ACTIVE, Status.TERMINATED, Status.PROVISIONING)
    for status, name, out_of_sync, after in product(
        statuses, (None, "User Group"), (False, True), (False, True)
    ):
        yield Subscriptions(status, name, out_of_sync, after)
    for ended, of_one, after in product(
        (None, ProcessStatus.COMPLETED, ProcessStatus.FAILED), (False, True), (False, True)
    ):
        yield Processes(ended, of_one, after)
