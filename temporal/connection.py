"""The connection to Temporal."""

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
        raise TemporalUnreachable(target["target_host"], str(error).splitlines()[0]) from error
