"""The connection to Temporal.

The SDK's client takes longer to import than a list takes to print. A command that only calls the service does
without it.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from temporalio.service import ConnectConfig, GrpcCompression, ServiceClient, WorkflowService

if TYPE_CHECKING:
    from temporalio.client import Client

_REASONS = {
    r'NotValidForName.*\[.*\(\\"(.+?)\\"\)': "its certificate is for another name: {0}",
    r"UnknownIssuer": "its certificate is not signed by a trusted authority; see "
    "TEMPORAL_TLS_SERVER_CA_CERT_PATH",
    r"InvalidCertificate\((\w+)": "its certificate is refused: {0}",
    r"NoCertificatesPresented": "the client certificate file contains no certificate",
    r"PrivateKeyParseError": "the client key file contains no private key",
    r"InvalidContentType": "it does not use TLS",
    r'message: "(?:transport error|operation was canceled)"': "it closes the connection; it may require "
    "TLS or another client certificate",
}
"""Patterns in the message of the SDK and their meaning; the first match counts."""


class TemporalUnreachable(Exception):
    """Temporal does not answer; the message names the address."""

    def __init__(self, address: str, cause: object) -> None:
        super().__init__(
            f"Cannot reach Temporal at {address} ({cause}): "
            'start the embedded stack with "make up", or set TEMPORAL_ADDRESS'
        )


@dataclass(frozen=True)
class Service:
    """A connection to a namespace of Temporal."""

    service_client: ServiceClient
    namespace: str

    @property
    def workflow_service(self) -> WorkflowService:
        """The calls of the service, as the server offers them."""
        return self.service_client.workflow_service

    @cached_property
    def client(self) -> "Client":
        """The SDK's client over this connection, with the payloads and interceptors of this project."""
        from temporalio.client import Client

        from orchestrator.temporal.plugin import subscriptions_plugin

        return Client(
            self.service_client, namespace=self.namespace, plugins=[subscriptions_plugin(sandboxed=False)]
        )


async def connect(config: dict[str, Any]) -> "Client":
    """Connect to Temporal, with the payloads and interceptors of this project.

    Args:
        config: the SDK's environment configuration; the default address is Temporal's usual one.

    Raises:
        TemporalUnreachable: if the server does not answer, or client and server do not trust each other.
    """
    return (await connect_service(config)).client


async def connect_service(config: dict[str, Any]) -> Service:
    """Connect to Temporal as `connect` does; the SDK's client is made when it is asked for.

    Raises:
        TemporalUnreachable: if the server does not answer, or client and server do not trust each other.
    """
    target = {"target_host": "localhost:7233", "namespace": "default"} | config
    namespace = target.pop("namespace")
    if is_local(target["target_host"]):  # there is no network to save
        target.setdefault("grpc_compression", GrpcCompression.NONE)
    try:
        return Service(await ServiceClient.connect(ConnectConfig(**target)), namespace)
    except (RuntimeError, ValueError) as error:
        raise TemporalUnreachable(target["target_host"], _reason(str(error))) from error


def is_local(target_host: str) -> bool:
    """Return whether this address is on the same machine."""
    return target_host.rpartition(":")[0] in {"127.0.0.1", "localhost", "[::1]"}


def _reason(dump: str) -> str:
    """Return the cause from the dump of nested errors that the SDK gives as its message."""
    for mark, reason in _REASONS.items():
        if found := re.search(mark, dump):
            return reason.format(*found.groups())
    innermost = re.findall(r'message: "([^"]+)"', dump)
    return innermost[-1] if innermost else " ".join(dump.split())
