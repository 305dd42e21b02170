"""Compare the ratios of a run with those of the last committed result."""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from settings import ROOT
from trials.bench.figures import Result, Spread

COMMITTED = ROOT / "docs" / "bench.json"
TOLERATED = 1 / 3
"""Share of a ratio that may be lost: less is noise on a machine that others use, too."""


class Change(BaseModel):
    """A ratio before and now."""

    model_config = ConfigDict(frozen=True)

    name: str
    before: Spread | None
    """`None` if the committed result does not have it."""
    now: Spread

    @property
    def worse(self) -> bool:
        """Whether the ratio has fallen by more than what is tolerated, in every round."""
        # In every round: one alone may have been disturbed by something else on the machine.
        return self.before is not None and self.now.high < self.before.median * (1 - TOLERATED)


def committed() -> Result | None:
    """Return the last committed result, or `None` if there is none."""
    return Result.model_validate_json(COMMITTED.read_bytes()) if COMMITTED.exists() else None


def changes(before: Mapping[str, Spread], now: Mapping[str, Spread]) -> list[Change]:
    """Return the change of each present ratio."""
    return [Change(name=name, before=before.get(name), now=ratio) for name, ratio in now.items()]


def verdict(found: list[Change]) -> str | None:
    """Return which ratios have become worse, and by how much; `None` if none has."""
    worse = [
        f"{one.name} {one.before.median:.2f} -> {one.now.median:.2f}"
        for one in found
        if one.before is not None and one.worse
    ]
    if not worse:
        return None
    return f"Worse by more than a third, as a share of the floor: {'; '.join(worse)}"
