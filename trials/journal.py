"""The client's record of the processes that Temporal has accepted: none of them may get lost."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, JsonValue
from temporalio.client import Interceptor, OutboundInterceptor, StartWorkflowInput, WorkflowHandle


class Accepted(BaseModel):
    """A process that Temporal has accepted."""

    model_config = ConfigDict(frozen=True)

    process_id: str
    workflow: str
    fields: dict[str, JsonValue]
    """Its input."""


class Journal:
    """A file with one line per process, written as soon as Temporal has accepted it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", buffering=1)
        self._accepted: dict[str, Accepted] = {}

    def accept(self, process: Accepted) -> None:
        """Record that this process was accepted."""
        self._file.write(process.model_dump_json() + "\n")
        self._accepted[process.process_id] = process

    def __iter__(self) -> Iterator[Accepted]:
        return iter(list(self._accepted.values()))

    def __contains__(self, process_id: object) -> bool:
        return process_id in self._accepted

    def __len__(self) -> int:
        return len(self._accepted)

    def interceptor(self) -> Interceptor:
        """Return an interceptor that records every process that its client starts."""
        return _JournalInterceptor(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class _JournalInterceptor(Interceptor):
    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        """Record every process that the client starts."""
        return _Outbound(next, self._journal)


class _Outbound(OutboundInterceptor):
    def __init__(self, next: OutboundInterceptor, journal: Journal) -> None:
        super().__init__(next)
        self._journal = journal

    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
        handle = await super().start_workflow(input)
        (form,) = input.args
        fields = form.model_dump(mode="json", exclude_unset=True) if isinstance(form, BaseModel) else form
        self._journal.accept(Accepted(process_id=input.id, workflow=input.workflow, fields=fields))
        return handle
