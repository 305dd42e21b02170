"""The environment of the programs under test."""

import os
from collections.abc import Mapping

import pytest


def set_environment(monkeypatch: pytest.MonkeyPatch, variables: Mapping[str, str | None]) -> None:
    """Set these variables, and unset all other variables of the servers; `None` leaves one unset."""
    for name in os.environ:
        if name.startswith(("TEMPORAL_", "PG", "DATABASE_URL")):
            monkeypatch.delenv(name)
    for name, value in variables.items():
        if value is not None:
            monkeypatch.setenv(name, value)
