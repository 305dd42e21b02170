"""The one way for a test to act at a moment of a step: the worker calls it there."""

from collections.abc import Awaitable, Callable

from orchestrator.process.ledger import Moment
from orchestrator.process.messages import StepRun

Act = Callable[[StepRun, Moment], Awaitable[None]]


class Moments:
    """What a test does at the moments of the steps; nothing until an act is added."""

    def __init__(self) -> None:
        self.acts: list[Act] = []

    async def __call__(self, run: StepRun, moment: Moment) -> None:
        for act in self.acts:
            await act(run, moment)
