"""Lock files that all stacks of one user of the operating system share."""

import os
import tempfile
from pathlib import Path


def open_lock_file(name: str) -> int:
    """Open a lock file in the temporary folder and return its descriptor, which the caller closes.

    Raises:
        OSError: when another user has put something there.
    """
    path = Path(tempfile.gettempdir()) / f"subscriptions-{name}-{os.getuid()}"
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
