"""Checks of this machine: Python, the packages, which services are meant, and the disk."""

import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

from cli.doctor.finding import Finding, failed, ok, refused, skipped, warning
from cli.doctor.site import NOTHING_TO_ASK, Site
from settings import ROOT, Endpoints
from stack.keeping import is_kept_up

OLDEST_PYTHON = (3, 11)

LOCK_FILE = ROOT / "requirements.lock"
MOST_NAMED = 3
"""Number of packages that are named."""

LITTLE, TOO_LITTLE = 2 * 1024**3, 200 * 1024**2
"""Bytes free on the disk, below which there is a warning, and below which the check fails."""


async def check_python(_: Site) -> Finding:
    """Return whether this Python is supported."""
    return judge_python(sys.version_info[:3])


def judge_python(found: Sequence[int]) -> Finding:
    """Return whether this version of Python is supported."""
    oldest, text = ".".join(map(str, OLDEST_PYTHON)), ".".join(map(str, found))
    if tuple(found[:2]) < OLDEST_PYTHON:
        return failed(f"{text}; this program needs {oldest} or newer", "make clean && make PYTHON=python3.11")
    return ok(text)


async def check_packages(_: Site) -> Finding:
    """Return whether the packages have the versions that are locked."""
    return judge_packages(_locked(LOCK_FILE.read_text()))


def judge_packages(locked: Mapping[str, str]) -> Finding:
    """Return whether the packages that are installed have these versions."""
    others = [
        f"{name} {found} instead of {wanted}"
        for name, wanted in locked.items()
        if (found := _installed(name)) is not None and found != wanted
    ]
    if not others:
        return ok("as locked")
    more = f", and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
    return warning(
        f"not as locked: {', '.join(others[:MOST_NAMED])}{more}",
        "python -m pip install --require-hashes --no-deps --requirement requirements.lock",
    )


def _locked(text: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, re.MULTILINE))


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


async def check_services(site: Site) -> Finding:
    """Return which services are meant."""
    if isinstance(site.located, Exception):
        return refused(site.located)
    if site.located is None:
        return failed("nothing is configured, and the embedded stack is not running", "make up")
    if site.stack is None:
        return ok("configured by the environment")
    if not is_kept_up(site.stack):
        return warning("the embedded stack; it stops with the command that uses it", "make up")
    return ok("the embedded stack, kept up")


async def check_disk(site: Site) -> Finding:
    """Return how much space is free for the data of the embedded stack."""
    if site.stack is None:
        return skipped("the services are configured: look at the disks of their machines")
    if not isinstance(site.located, Endpoints):
        raise NOTHING_TO_ASK
    return judge_disk(shutil.disk_usage(site.stack).free, str(site.stack))


def judge_disk(free: int, directory: str) -> Finding:
    """Return whether this is enough.

    Args:
        free: bytes.
    """
    fact = f"{free / 1024**3:.1f} GiB free for {directory}"
    remedy = "remove files from that disk: PostgreSQL and Temporal stop when it is full"
    if free < TOO_LITTLE:
        return failed(fact, remedy)
    return warning(fact, remedy) if free < LITTLE else ok(fact)
