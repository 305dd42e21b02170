"""The way for a test to act at a chosen moment of a step: the worker calls it."""

from collections.abc import Awaitable, Callable

from orchestrator.process.ledger import Moment
from orchestrator.process.messages import StepRun

Act = Callable[[StepRun, Moment], Awaitable[None]]


class Moments:
    """Runs the acts of a test at each moment of each step."""

    def __init__(self) -> None:
        self.acts: list[Act] = []

    async def __call__(self, run: StepRun, moment: Moment) -> None:
        for act in self.acts:
            await act(run, moment)
