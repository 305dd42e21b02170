"""What the steps of a process must be like; checked when its class is defined."""

from collections import Counter
from collections.abc import Iterable, Sequence

from orchestrator.process.step import Step


class UnsoundProcess(TypeError):
    """The steps of a workflow class do not make a process; the message says which and what to do."""


def require_sound(name: str, sequence: Sequence[Step], roll_back: Sequence[Step], pivot: Step | None) -> None:
    """Raise if the steps of a workflow class do not make a process.

    Args:
        name: the name of the class.

    Raises:
        UnsoundProcess: when two steps share a key or a title, when the sequence or the roll-back does not
            end with its only unlock, or when the pivot is none of the steps.
    """
    for part, steps in (("sequence", sequence), ("roll_back", roll_back)):
        where = f"{name}.{part}"
        for key in _repeated(step.key for step in steps):
            raise UnsoundProcess(
                f'{where}: two steps have the key "{key}", so the second would be skipped; '
                "give one of them a key of its own"
            )
        for title in _repeated(step.title for step in steps):
            raise UnsoundProcess(f'{where}: two steps have the title "{title}"; give one another title')
        if [step.unlocks for step in steps] != [False] * (len(steps) - 1) + [True]:
            raise UnsoundProcess(f"{where}: the last step must unlock the subscription, and no other step")
    if pivot is not None and pivot not in sequence:
        raise UnsoundProcess(f'{name}.pivot: "{pivot.title}" is not a step of the sequence')


def _repeated(values: Iterable[str]) -> list[str]:
    return [value for value, times in Counter(values).items() if times > 1]
