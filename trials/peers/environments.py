"""A virtual environment for each other system, installed from its lock file."""

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path

from settings import ROOT

ENVIRONMENTS = ROOT / ".bench-peers"
HERE = Path(__file__).parent


class PeerFailed(Exception):
    """A system could not be installed, started or measured; the message says why in one line."""


def lock_file(peer: str) -> Path:
    """Return the lock file of a system."""
    return HERE / f"{peer}.lock"


def locked_version(lock: str, distribution: str) -> str:
    """Return the version of a distribution in the text of a lock file."""
    found = re.search(rf"^{re.escape(distribution)}==(\S+)", lock, re.MULTILINE)
    assert found is not None
    return found[1]


def python_of(peer: str) -> Path:
    """Return the interpreter of a system's environment; install it if it is missing or stale.

    Raises:
        PeerFailed: when it cannot be installed.
    """
    environment, lock = ENVIRONMENTS / peer, lock_file(peer)
    python, stamp = environment / "bin" / "python", environment / "installed"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest() + sys.version
    if not stamp.exists() or stamp.read_text() != digest:
        shutil.rmtree(environment, ignore_errors=True)
        run([sys.executable, "-m", "venv", str(environment)])
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run([*pip, "--require-hashes", "--no-deps", "--requirement", str(lock)])
        stamp.write_text(digest)
    return python


def run(
    arguments: list[str], *, environment: dict[str, str] | None = None, directory: Path | None = None
) -> None:
    """Run a program to its end.

    Raises:
        PeerFailed: when it fails, with the last line that it printed.
    """
    done = subprocess.run(
        arguments, env=environment, cwd=directory, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise PeerFailed(f"{Path(arguments[1]).name} ended with {done.returncode}: {last_line(done.stderr)}")


def last_line(output: str) -> str:
    """Return the last line of a program's output that is not empty."""
    return next((line.strip() for line in reversed(output.splitlines()) if line.strip()), "no output")
