"""Counts of the inputs of each kind: tried, refused, accepted."""

from collections import Counter
from collections.abc import Sequence
from typing import Generic, Literal, TypeVar

from hypothesis import settings
from hypothesis import strategies as st

T = TypeVar("T")

BATCH = 5
"""Inputs that are drawn together, and sent together if possible."""


class Batch(Generic[T]):
    """Inputs that were drawn together. Its representation hides them, as some are very long."""

    def __init__(self, inputs: Sequence[T]) -> None:
        self.inputs = inputs

    def __repr__(self) -> str:
        return f"{len(self.inputs)} inputs"


@st.composite
def batches(draw: st.DrawFn, inputs: st.SearchStrategy[T]) -> Batch[T]:
    """Draw a batch of inputs."""
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
    """Return the number of batches for this share of the inputs of the profile."""
    inputs = settings().max_examples * percent / 100
    return max(1, -int(-inputs // BATCH))
