"""A SCIM server behind a front, and its clients."""

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx2
import pytest

from services.scim import ScimGroups, ScimUsers, open_groups, open_users
from trials.http_front import HttpFront, open_front
from trials.scim_server import TOKEN, url_of


@pytest.fixture
async def front(scim_server: int) -> AsyncIterator[HttpFront]:
    async with open_front(scim_server) as front:
        yield front


@pytest.fixture
def url(front: HttpFront) -> str:
    return url_of(front.port, uuid4().hex)


@pytest.fixture
async def scim_groups(url: str) -> AsyncIterator[ScimGroups]:
    async with open_groups(url) as groups:
        yield groups


@pytest.fixture
async def scim_users(url: str) -> AsyncIterator[ScimUsers]:
    async with open_users(url) as users:
        yield users


@pytest.fixture
async def raw(url: str) -> AsyncIterator[httpx2.AsyncClient]:
    """The same server, for another client."""
    where = httpx2.URL(url)
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/scim+json"}
    async with httpx2.AsyncClient(base_url=where.copy_with(userinfo=b""), headers=headers) as http:
        yield http
