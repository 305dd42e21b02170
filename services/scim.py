"""The group management system and the user management system on a SCIM 2.0 server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from orchestrator.domain.errors import RequestRejected
from services.group_management import Group
from services.scim_client import NOT_FOUND, Call, Refused, ScimClient, open_scim, path_to
from services.scim_records import Attributes, Records
from services.scim_resources import EXTENSION, GroupResource, UserResource
from services.user_management import Account, KnownUser


@asynccontextmanager
async def open_groups(url: str) -> AsyncIterator["ScimGroups"]:
    """Connect to the groups of a SCIM server.

    Raises:
        AddressNotFit: when this is not the URL of one.
    """
    async with open_scim(url) as client:
        yield ScimGroups(client)


@asynccontextmanager
async def open_users(url: str) -> AsyncIterator["ScimUsers"]:
    """Connect to the users of a SCIM server.

    Raises:
        AddressNotFit: when this is not the URL of one.
    """
    async with open_scim(url) as client:
        yield ScimUsers(client)


class ScimGroups:
    """Implements `GroupManagement`; a subscription is the `externalId` of its group."""

    def __init__(self, client: ScimClient) -> None:
        self._client = client
        self._records = Records(client.name, "Group", GroupResource)

    async def provision_group(self, subscription_id: UUID, group_name: str, *, token: int) -> Group:
        async with self._client.call() as call:
            found = await self._records.held(call, subscription_id, token)
            if found is None:
                values: Attributes = {"displayName": group_name}
                found = await self._records.create(call, subscription_id, values, token)
            return _group(found)

    async def rename_group(self, subscription_id: UUID, group_name: str, *, token: int) -> Group:
        async with self._client.call() as call:
            found = await self._records.require(call, subscription_id, token)
            await self._records.change(call, found, {"displayName": found.name}, {"displayName": group_name})
            return Group(group_id=found.id, group_name=group_name)

    async def deprovision_group(self, subscription_id: UUID, *, token: int) -> None:
        async with self._client.call() as call:
            found = await self._records.held(call, subscription_id, token)
            if found is not None:
                await self._records.remove(call, found)

    async def fence(self, subscription_id: UUID, *, token: int) -> None:
        async with self._client.call() as call:
            await self._records.held(call, subscription_id, token)

    async def find_group(self, subscription_id: UUID) -> Group | None:
        async with self._client.call() as call:
            found = await self._records.find(call, subscription_id)
            return None if found is None else _group(found)


class ScimUsers:
    """Implements `UserManagement`; a subscription is the `externalId` of its user.

    The user is a member of its group, which must be on the same server.
    """

    def __init__(self, client: ScimClient) -> None:
        self._client = client
        self._records = Records(client.name, "User", UserResource)

    async def provision_user(self, subscription_id: UUID, account: Account, *, token: int) -> KnownUser:
        async with self._client.call() as call:
            await self._require_extension(call)
            found = await self._records.held(call, subscription_id, token)
            if found is None:
                values = {"active": True} | _values(account)
                found = await self._records.create(call, subscription_id, values, token)
            # Also for one that was there: the call that created it may have ended before it came to this.
            await self._join(call, found.extension.group_id, found)
            return _user(found, found.extension.group_id)

    async def change_user(self, subscription_id: UUID, account: Account, *, token: int) -> KnownUser:
        async with self._client.call() as call:
            found = await self._records.require(call, subscription_id, token)
            former, group_id = found.extension.group_id, _text(account.group_id)
            await self._join(call, group_id, found)
            if former != group_id:
                await self._leave(call, former, found)
            # Last: until then the server knows the former group, and a call that ends here can be repeated.
            await self._records.change(call, found, _values(_user(found, former)), _values(account))
            return KnownUser(user_id=found.id, **account.model_dump())

    async def deprovision_user(self, subscription_id: UUID, *, token: int) -> None:
        async with self._client.call() as call:
            found = await self._records.held(call, subscription_id, token)
            if found is not None:
                await self._leave(call, found.extension.group_id, found)
                await self._records.remove(call, found)

    async def fence(self, subscription_id: UUID, *, token: int) -> None:
        async with self._client.call() as call:
            await self._records.held(call, subscription_id, token)

    async def find_user(self, subscription_id: UUID) -> KnownUser | None:
        async with self._client.call() as call:
            found = await self._records.find(call, subscription_id)
            if found is None:
                return None
            group_id = found.extension.group_id
            return _user(found, group_id if await self._is_member(call, group_id, found) else None)

    async def _require_extension(self, call: Call) -> None:
        if not await self._records.is_extended(call):
            raise RequestRejected(
                f"{self._client.name} does not store the extension {EXTENSION}User, which holds the age and "
                "the group: declare it there, as docs/external-systems.md says"
            )

    async def _join(self, call: Call, group_id: str | None, user: UserResource) -> None:
        if group_id is not None:
            member = {"op": "add", "path": "members", "value": [{"value": user.id}]}
            await call.patch(path_to("Group", group_id), [member])

    async def _leave(self, call: Call, group_id: str | None, user: UserResource) -> None:
        if group_id is None:
            return
        try:
            member = {"op": "remove", "path": f'members[value eq "{user.id}"]'}
            await call.patch(path_to("Group", group_id), [member])
        except Refused as error:
            if error.status != NOT_FOUND and error.kind != "noTarget":  # else it is gone
                raise

    async def _is_member(self, call: Call, group_id: str | None, user: UserResource) -> bool:
        if group_id is None:
            return False
        try:
            group = await call.get(
                GroupResource, path_to("Group", group_id), attributes="displayName,members"
            )
        except Refused as error:
            if error.status != NOT_FOUND:
                raise
            return False
        return any(member.value == user.id for member in group.members)


def _group(found: GroupResource) -> Group:
    return Group(group_id=found.id, group_name=found.name)


def _user(found: UserResource, group_id: str | None) -> KnownUser:
    return KnownUser(
        user_id=found.id,
        username=found.name,
        age=found.extension.age,
        affiliation=found.user_type or "",
        group_id=group_id,
    )


def _values(account: Account) -> Attributes:
    return {
        "userName": account.username,
        "userType": account.affiliation,
        f"{EXTENSION}User:age": account.age,
        f"{EXTENSION}User:groupId": _text(account.group_id),
    }


def _text(group_id: int | str | None) -> str | None:
    return None if group_id is None else str(group_id)
