"""How urgent work is. While workers have more to do than they can, Temporal hands out urgent tasks first."""

from temporalio.common import Priority

BY_HAND = Priority(priority_key=1)
"""A step that a person runs again: somebody waits for it, and the cause is gone."""

# A process that a person starts has Temporal's default, which is 3.

BATCH = Priority(priority_key=5)
"""A process that is one of many; nobody waits for it."""
