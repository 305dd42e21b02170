"""One type of resource on a SCIM server: found by subscription, guarded by ETags and fencing tokens."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Generic, TypeAlias, TypeVar
from uuid import UUID

from orchestrator.domain.errors import RequestRejected, StaleToken
from services.errors import ExternalSystemUnavailable
from services.scim_client import CONFLICT, NOT_IMPLEMENTED, Call, Refused, path_to
from services.scim_resources import EXTENSION, Page, Resource, ResourceType

CORE = "urn:ietf:params:scim:schemas:core:2.0:"

PAGE = 100
"""Resources that a page asks for; the server may send fewer."""

Attributes: TypeAlias = dict[str, str | int | bool | None]
"""Values by attribute; one of the extension with its whole name. `None` removes it."""

R = TypeVar("R", bound=Resource)


class Records(Generic[R]):
    """The groups, or the users, of one server."""

    def __init__(self, system: str, kind: str, model: type[R]) -> None:
        """Create the client of one type of resource.

        Args:
            system: the name of the server in messages.
            kind: SCIM's name of the type: `Group` or `User`.
        """
        self._system = system
        self._kind = kind
        self._model = model
        self._path = f"{kind}s"
        self._extension = EXTENSION + kind
        self._extended = False

    async def is_extended(self, call: Call) -> bool:
        """Return whether the server stores the attributes of this project; asked until it does."""
        if not self._extended:
            try:
                types = [one async for one in self._listed(call, "ResourceTypes")]
            except Refused:  # not every server describes itself
                types = []
            known = [call.parsed(ResourceType, one) for one in types]
            self._extended = any(
                one.name == self._kind and self._extension in {each.urn for each in one.extensions}
                for one in known
            )
        return self._extended

    async def find(self, call: Call, subscription_id: UUID) -> R | None:
        """Return the resource of a subscription; `None` if there is none.

        Raises:
            RequestRejected: when there are several.
        """
        found = await self._all(call, subscription_id)
        if len(found) > 1:
            raise RequestRejected(
                f"{self._system} has {len(found)} resources {self._path} with externalId {subscription_id}: "
                f"{', '.join(one.id for one in found)}; remove all but the first, which is the oldest"
            )
        return found[0] if found else None

    async def held(self, call: Call, subscription_id: UUID, token: int) -> R | None:
        """Return the resource of a subscription, for a caller that may change it; `None` if there is none.

        If the server stores tokens, it has this one afterwards. If two calls have created a resource at the
        same time, the later ones are removed.

        Raises:
            StaleToken: when the server has seen a higher token.
        """
        found = await self._all(call, subscription_id)
        seen = max((one.extension.seen for one in found), default=0)
        if token < seen:
            raise StaleToken(f"{self._system} has seen token {seen} for {subscription_id}; refuses {token}")
        for twin in found[1:]:
            await self.remove(call, twin)
        if found and found[0].extension.seen < token and await self.is_extended(call):
            await self.change(call, found[0], {}, {self._token: token})
            return await call.get(self._model, path_to(self._kind, found[0].id))
        return found[0] if found else None

    async def require(self, call: Call, subscription_id: UUID, token: int) -> R:
        """Return what `held` returns.

        Raises:
            RequestRejected: when there is none.
            StaleToken: as `held`.
        """
        found = await self.held(call, subscription_id, token)
        if found is None:
            raise RequestRejected(f"{self._system} has no record of {subscription_id}")
        return found

    async def create(self, call: Call, subscription_id: UUID, values: Attributes, token: int) -> R:
        """Create the resource of a subscription; return the one that counts if others did so meanwhile.

        Raises:
            Refused: when the server says no, for example because another user has this name.
            ExternalSystemUnavailable: when the server does not find yet what it has created.
        """
        extended = await self.is_extended(call)
        body = _body(self._kind, subscription_id, values | ({self._token: token} if extended else {}))
        refused = None
        try:
            await call.post(self._path, body)
        except Refused as error:
            if error.status != CONFLICT:
                raise
            refused = error  # perhaps by what an earlier attempt has created
        found = await self.held(call, subscription_id, token)
        if found is None:
            # Without a refusal the server does not list yet what it has just created.
            raise refused or ExternalSystemUnavailable(f"{self._system} does not show {subscription_id} yet")
        return found

    async def change(self, call: Call, found: R, has: Attributes, wanted: Attributes) -> None:
        """Set the attributes that differ, if the resource has not changed since it was found.

        Raises:
            ExternalSystemUnavailable: when it has changed: the next attempt looks again.
        """
        due = {name: value for name, value in wanted.items() if name not in has or has[name] != value}
        if due:
            await call.patch(path_to(self._kind, found.id), _operations(due), found.meta.version)

    async def remove(self, call: Call, found: R) -> None:
        """Remove the resource, if it has not changed since it was found.

        Raises:
            ExternalSystemUnavailable: as `change`.
        """
        await call.delete(path_to(self._kind, found.id), found.meta.version)

    @property
    def _token(self) -> str:
        return f"{self._extension}:fencingToken"

    async def _all(self, call: Call, subscription_id: UUID) -> list[R]:
        """Return every resource of a subscription, the oldest first."""
        wanted = str(subscription_id)
        try:
            listed = [one async for one in self._listed(call, self._path, f'externalId eq "{wanted}"')]
        except Refused as error:
            if error.kind != "invalidFilter" and error.status != NOT_IMPLEMENTED:
                raise
            listed = [one async for one in self._listed(call, self._path)]
        # A server that ignores the filter sends the others, too; they may even lack what is required.
        found = [call.parsed(self._model, one) for one in listed if one.get("externalId") == wanted]
        # By id: while pages are read, others come and go, and one resource may stand on two pages.
        return sorted({one.id: one for one in found}.values(), key=lambda one: one.rank)

    async def _listed(self, call: Call, path: str, wanted: str = "") -> AsyncIterator[dict[str, Any]]:
        start = 1
        parameters = {"filter": wanted} if wanted else {}
        while True:
            page = await call.get(Page, path, **parameters, startIndex=start, count=PAGE)
            for one in page.resources:
                yield one
            start += len(page.resources)
            if not page.resources or start > page.total:
                return


def _operations(values: Attributes) -> list[dict[str, Any]]:
    return [
        {"op": "remove", "path": path} if value is None else {"op": "replace", "path": path, "value": value}
        for path, value in values.items()
    ]


def _body(kind: str, subscription_id: UUID, values: Mapping[str, object]) -> dict[str, Any]:
    prefix = f"{EXTENSION}{kind}:"
    given = {name: value for name, value in values.items() if value is not None}
    core = {name: value for name, value in given.items() if not name.startswith(prefix)}
    own = {name.removeprefix(prefix): value for name, value in given.items() if name.startswith(prefix)}
    schemas = [CORE + kind, *([EXTENSION + kind] if own else [])]
    body = {"schemas": schemas, "externalId": str(subscription_id)} | core
    return body | ({EXTENSION + kind: own} if own else {})
