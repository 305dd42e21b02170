"""The connection to Temporal."""

import re
from typing import Any

from temporalio.client import Client

from temporal.plugin import subscriptions_plugin


class TemporalUnreachable(Exception):
    """Temporal does not answer; the message names the address."""

    def __init__(self, address: str, cause: object) -> None:
        super().__init__(
            f"Cannot reach Temporal at {address} ({cause}): "
            'start the embedded stack with "make up", or set TEMPORAL_ADDRESS'
        )


async def connect(config: dict[str, Any]) -> Client:
    """Connect to Temporal, with the payloads and interceptors of this project.

    Args:
        config: what the SDK's environment configuration found; without an address it is Temporal's usual one.

    Raises:
        TemporalUnreachable: when nothing answers there.
    """
    target = {"target_host": "localhost:7233"} | config
    try:
        return await Client.connect(**target, plugins=[subscriptions_plugin()])
    except RuntimeError as error:
        # The SDK's message is a debugging dump of nested errors; the innermost says what happened.
        innermost = re.findall(r'message: "([^"]+)"', str(error))
        reason = innermost[-1] if innermost else " ".join(str(error).split())
        raise TemporalUnreachable(target["target_host"], reason) from error
