"""The systems that must keep the contract: the fakes, those on a SCIM server, and yours if you name them.

`GROUP_MANAGEMENT`, `USER_MANAGEMENT` and the URLs name yours, as for a worker.
"""

from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from external_systems import open_external_systems
from orchestrator.domain.errors import DomainError
from settings import Endpoints
from tests.services.contract.systems import HIGHEST, NAMED, YOURS, Systems
from tests.services.scim import on_scim


@pytest.fixture(params=["fake", "scim", *YOURS])
async def systems(
    request: pytest.FixtureRequest, endpoints: Endpoints, scim_server: int
) -> AsyncIterator[Systems]:
    """Both external systems; what a test has made in them is removed."""
    chosen = {
        "fake": endpoints,
        "scim": on_scim(endpoints, scim_server),
        "yours": endpoints.model_copy(update={"external_systems": NAMED}),
    }
    async with open_external_systems(chosen[request.param]) as clients:
        systems = Systems(clients["group_management"], clients["user_management"], [])
        yield systems
        for made_up in reversed(systems.made_up):
            with suppress(DomainError):
                await systems.users.deprovision_user(made_up, token=HIGHEST)
                await systems.groups.deprovision_group(made_up, token=HIGHEST)
