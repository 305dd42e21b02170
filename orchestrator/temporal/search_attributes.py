"""The search attributes that find processes in the Web UI and the CLI."""

from typing import TYPE_CHECKING

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode

from orchestrator.temporal.connection import Service

if TYPE_CHECKING:
    from temporalio.client import Client

SUBSCRIPTION_ID = SearchAttributeKey.for_keyword("SubscriptionId")
CUSTOMER_ID = SearchAttributeKey.for_keyword("CustomerId")
PRODUCT = SearchAttributeKey.for_keyword("Product")
TARGET = SearchAttributeKey.for_keyword("Target")
PROCESS_STATUS = SearchAttributeKey.for_keyword("ProcessStatus")
WAITING = "waiting"
"""Value of `ProcessStatus` while a step fails for now; in the trail such a process is `running`."""

ALL = (SUBSCRIPTION_ID, CUSTOMER_ID, PRODUCT, TARGET, PROCESS_STATUS)


async def register_search_attributes(client: "Client") -> None:
    """Add the search attributes that the namespace does not have yet.

    Without them a workflow that sets one would retry its task for ever. On Temporal Cloud only an
    administrator may add them, so a refusal is tolerated; docs/configuration.md lists them.
    """
    request = AddSearchAttributesRequest(
        namespace=client.namespace,
        search_attributes={key.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD for key in ALL},
    )
    try:
        await client.operator_service.add_search_attributes(request)
    except RPCError as error:
        tolerated = {
            RPCStatusCode.ALREADY_EXISTS,
            RPCStatusCode.PERMISSION_DENIED,
            RPCStatusCode.UNIMPLEMENTED,
        }
        if error.status not in tolerated:
            raise


async def unusable_search_attributes(service: Service) -> dict[str, str | None]:
    """Return the search attributes that are missing, or whose type is not Keyword, each with its type.

    Raises:
        RPCError: when Temporal does not answer, or does not permit the question.
    """
    request = ListSearchAttributesRequest(namespace=service.namespace)
    answer = await service.service_client.operator_service.list_search_attributes(request)
    found = answer.custom_attributes
    keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    return {
        key.name: _type_name(found[key.name]) if key.name in found else None
        for key in ALL
        if found.get(key.name) != keyword
    }


def _type_name(number: IndexedValueType.ValueType) -> str:
    """Return the name that Temporal's command line has for the type."""
    words = IndexedValueType.Name(number).removeprefix("INDEXED_VALUE_TYPE_").split("_")
    return "".join(word.capitalize() for word in words)
