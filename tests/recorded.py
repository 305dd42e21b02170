"""Where the histories lie that `test_replay.py` replays, and how one is written.

The files `tests/record_*.py` record them: `make record`. Record anew only when a workflow has changed on
purpose; a process that is open then replays no more.
"""

import json
from pathlib import Path
from typing import Any

from tests.processes import Handle

HISTORIES = Path(__file__).parent / "histories"


async def save(handle: Handle, name: str) -> None:
    """Write the history, without what speaks of the machine that it was recorded on."""
    history = anonymous((await handle.fetch_history()).to_json_dict())
    (HISTORIES / f"{name}.json").write_text(json.dumps(history, indent=1, ensure_ascii=False) + "\n")


def anonymous(value: Any) -> Any:
    """Return the value without stack traces and with no name of a worker."""
    if isinstance(value, list):
        return [anonymous(one) for one in value]
    if not isinstance(value, dict):
        return value
    named = {"identity": "worker", "workerInstanceKey": "", "stackTrace": ""}
    return {key: named.get(key, anonymous(one)) for key, one in value.items()}
