"""The lists that are measured: with every filter alone, and with several together."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product

from orchestrator.database import process_lists, subscriptions
from orchestrator.database.filters import ProcessFilter, SubscriptionFilter
from orchestrator.domain.process import ProcessStatus
from orchestrator.domain.subscription import Status
from trials.growth.database import MIDDLE, USER, Filled
from trials.growth.filling import process_id, subscription_id

ANY = ProcessFilter()


@dataclass(frozen=True)
class Subscriptions:
    """A list of subscriptions, as the command `subscriptions` asks for it."""

    status: Status | None = None
    product: str | None = None
    out_of_sync: bool = False
    after: bool = False
    """Whether it begins in the middle of all subscriptions."""
    search: str | None = None

    @property
    def name(self) -> str:
        """The command."""
        options = (
            f"--status {self.status}" if self.status else "",
            f'--product "{self.product}"' if self.product else "",
            "--out-of-sync" if self.out_of_sync else "",
            f"--search '{self.search}'" if self.search else "",
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
                fitting=SubscriptionFilter(search=self.search),
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
    fitting: ProcessFilter = ANY

    @property
    def name(self) -> str:
        """The command."""
        options = (
            f"--status {self.status}" if self.status else "",
            "--subscription ID" if self.of_subscription else "",
            *(
                f"--{name.removeprefix('created_')} '{value}'"
                for name, value in asdict(self.fitting).items()
                if value is not None
            ),
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
                fitting=self.fitting,
                limit=limit,
                after=newest if self.after else None,
            )
        return len(found)


SOUGHT = (
    ProcessFilter(search="alice"),
    ProcessFilter(search=process_id("create_user", 777, 1)),
    ProcessFilter(search="alice ticket 776"),
    ProcessFilter(workflow="validate_user"),
    ProcessFilter(created_by="alice"),
    ProcessFilter(step="resync"),
    ProcessFilter(because="made by"),
)


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
    # Words that most have, that one has, and a word of each kind together.
    for text in ("user", "internal", "name-0000777", "user 0000777"):
        yield Subscriptions(search=text)
    yield Subscriptions(Status.TERMINATED, search="external")
    yield Subscriptions(search="user", after=True)
    for fitting in SOUGHT:
        yield Processes(fitting=fitting)
    yield Processes(ProcessStatus.FAILED, fitting=ProcessFilter(search="alice"))
    yield Processes(after=True, fitting=ProcessFilter(search="alice"))
