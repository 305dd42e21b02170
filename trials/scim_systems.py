"""The external systems on a SCIM server, behind a front that has the faults of a fake."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import httpx2
from pydantic import JsonValue

from services.fake_faults import Fault
from services.fake_system import Change, Record
from services.scim_resources import EXTENSION
from trials.http_front import HttpFront, open_front
from trials.scim_server import TOKEN, open_scim_server, url_of

TENANT = "trial"


@dataclass(frozen=True)
class ScimServer:
    """A running server with both systems."""

    variables: dict[str, str]
    """The environment variables that name it to a worker."""
    systems: "Sequence[ScimSystem]"


class ScimSystem:
    """The resources of one type, read past the client that is on trial and past its faults."""

    def __init__(self, name: str, http: httpx2.AsyncClient, front: HttpFront) -> None:
        self.name = name
        self._http = http
        self._front = front

    async def order(self, fault: Fault) -> None:
        """Inject a fault."""
        self._front.order(fault)

    async def clear_faults(self) -> None:
        """Remove all faults."""
        self._front.clear()

    async def changes(self) -> list[Change] | None:
        """Return `None`: a SCIM server has no record of its changes."""
        return None

    async def records(self) -> dict[UUID, Record]:
        """Return all records, by subscription; a second one of a subscription under an id of no other."""
        groups = await self._all("Groups")
        resources = groups if self.name == "group_management" else await self._all("Users")
        found: dict[UUID, Record] = {}
        for one in resources:
            of = UUID(one["externalId"])
            record = _group(one) if resources is groups else _user(one, groups)
            found[uuid5(of, one["id"]) if of in found else of] = record
        return found

    async def _all(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            answered = await self._http.get(path, params={"startIndex": len(found) + 1, "count": 500})
            page = answered.raise_for_status().json()
            found += page.get("Resources", [])
            if len(found) >= page["totalResults"]:
                return found


def _group(one: dict[str, Any]) -> Record:
    return Record(record_id=one["id"], attributes={"group_name": one["displayName"]})


def _user(one: dict[str, Any], groups: list[dict[str, Any]]) -> Record:
    owners: list[JsonValue] = [
        group["externalId"]
        for group in groups
        if any(member["value"] == one["id"] for member in group.get("members", []))
    ]
    age = one.get(EXTENSION + "User", {}).get("age")
    # As the block of a user names the subscription of its group; a user in no group, or in two, differs.
    group = owners[0] if len(owners) == 1 else owners
    return Record(record_id=one["id"], attributes={"username": one["userName"], "age": age, "group": group})


@asynccontextmanager
async def open_scim_systems() -> AsyncIterator[ScimServer]:
    """Run a SCIM server with an empty group management system and user management system."""
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(open_scim_server())
        direct = httpx2.URL(url_of(port, TENANT)).copy_with(userinfo=b"")
        headers = {"Authorization": f"Bearer {TOKEN}"}
        http = await stack.enter_async_context(httpx2.AsyncClient(base_url=direct, headers=headers))
        variables, systems = {}, []
        for name, opener in (("group_management", "open_groups"), ("user_management", "open_users")):
            front = await stack.enter_async_context(open_front(port))
            variables[name.upper()] = f"services.scim:{opener}"
            variables[f"{name.upper()}_URL"] = url_of(front.port, TENANT)
            systems.append(ScimSystem(name, http, front))
        yield ScimServer(variables, systems)
