"""How many inputs of which kind were tried, and how many of them were refused and accepted."""

from collections import Counter
from collections.abc import Sequence
from typing import Generic, Literal, TypeVar

from hypothesis import settings
from hypothesis import strategies as st

T = TypeVar("T")

BATCH = 5
"""So many inputs are drawn together, and where they can be, sent together."""


class Batch(Generic[T]):
    """The inputs that were drawn together; does not show them: some are very long."""

    def __init__(self, inputs: Sequence[T]) -> None:
        self.inputs = inputs

    def __repr__(self) -> str:
        return f"{len(self.inputs)} inputs"


@st.composite
def batches(draw: st.DrawFn, inputs: st.SearchStrategy[T]) -> Batch[T]:
    """Draw inputs together."""
    return Batch([draw(inputs) for _ in range(BATCH)])


Verdict = Literal["refused", "accepted"]


class Tally:
    """Counts the inputs of one kind."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.counts: Counter[Verdict] = Counter()

    def add(self, verdict: Verdict) -> None:
        self.counts[verdict] += 1


def share(percent: int) -> int:
    """Return how many batches are this share of the inputs of the profile: one for each of its examples."""
    inputs = settings().max_examples * percent / 100
    return max(1, -int(-inputs // BATCH))
