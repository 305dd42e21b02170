"""The activities of a class."""

import inspect
from collections.abc import Callable
from typing import Any


def activities_of(owner: object) -> list[Callable[..., Any]]:
    """Return the methods of this object that are activities."""
    # @activity.defn leaves this mark; the SDK has no public way to list the activities of a class.
    return [
        method
        for _, method in inspect.getmembers(owner, inspect.ismethod)
        if hasattr(method, "__temporal_activity_definition")
    ]
