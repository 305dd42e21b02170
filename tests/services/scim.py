"""The external systems of a test on a SCIM server."""

from uuid import uuid4

from pydantic import SecretStr

from settings import Endpoints, ExternalSystem
from trials.scim_server import url_of

OPENERS = {"group_management": "services.scim:open_groups", "user_management": "services.scim:open_users"}


def on_scim(endpoints: Endpoints, port: int) -> Endpoints:
    """Return these endpoints with both external systems in a new, empty part of a SCIM server."""
    url = SecretStr(url_of(port, uuid4().hex))
    systems = (ExternalSystem(name=name, opened_by=opener, url=url) for name, opener in OPENERS.items())
    return endpoints.model_copy(update={"external_systems": tuple(systems)})
