"""The environment of the programs."""

import os
from collections.abc import Mapping

import pytest


def set_environment(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str | None]) -> None:
    """Set these variables and none of the services beside; `None` means not to set it."""
    for name in os.environ:
        if name.startswith(("TEMPORAL_", "PG", "DATABASE_URL")):
            monkeypatch.delenv(name)
    for name, value in variables.items():
        if value is not None:
            monkeypatch.setenv(name, value)
