"""SCIM 2.0 over HTTP: the requests of one call, its time limit, and what the answers mean."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import ip_address
from time import monotonic
from typing import Any, TypeVar
from urllib.parse import quote

import httpx2
from httpx2 import codes
from pydantic import BaseModel, ValidationError

from orchestrator.domain.errors import RequestRejected
from orchestrator.domain.text import legible
from services.errors import AddressNotFit, ExternalSystemUnavailable
from services.scim_resources import Refusal

LONGEST_CALL = 4.0
"""Seconds within which a call sends its last request.

This is less than the heartbeat timeout of 5 seconds: when Temporal gives a call to another worker, a worker
that was frozen and comes back sends nothing more for it.
"""
LONGEST_WAIT = timedelta(minutes=10)
"""How long a server is left alone at most, whatever it asks for."""

MEDIA_TYPE = "application/scim+json"
NOT_FOUND, CONFLICT, NOT_IMPLEMENTED = codes.NOT_FOUND, codes.CONFLICT, codes.NOT_IMPLEMENTED
PASSING = frozenset(
    {
        codes.UNAUTHORIZED,  # until an operator renews the token
        codes.REQUEST_TIMEOUT,
        codes.PRECONDITION_FAILED,  # somebody has changed the resource: look again
        codes.TOO_EARLY,
        codes.TOO_MANY_REQUESTS,
    }
)
"""Answers below 500 that a repeated request may not get."""

M = TypeVar("M", bound=BaseModel)


@asynccontextmanager
async def open_scim(url: str) -> AsyncIterator["ScimClient"]:
    """Make a client of the server at this URL; it connects at the first call.

    Args:
        url: `https://TOKEN@host/path`; the token is sent as a bearer token.

    Raises:
        AddressNotFit: when the URL is another one.
    """
    where, headers = _address(url)
    async with httpx2.AsyncClient(base_url=where, headers=headers, timeout=LONGEST_CALL) as http:
        yield ScimClient(http)


def _address(url: str) -> tuple[httpx2.URL, dict[str, str]]:
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        parsed = httpx2.URL()
    if (
        parsed.scheme not in {"http", "https"}
        or not parsed.host
        or parsed.password
        or parsed.query
        or parsed.fragment
        or "@" in parsed.path
    ):
        # Not shown: it holds a token, or is the URL of something else with a password.
        raise AddressNotFit("give https://TOKEN@host/path of the SCIM server")
    token = parsed.username
    if token and parsed.scheme == "http" and not _is_loopback(parsed.host):
        raise AddressNotFit("give https: with http, anybody on the network could read the token")
    if not (token.isascii() and token.isprintable()) or token != token.strip():
        raise AddressNotFit("the token may have printable ASCII characters only")
    authorization = {"Authorization": f"Bearer {token}"} if token else {}
    return parsed.copy_with(userinfo=b""), {"Accept": MEDIA_TYPE} | authorization


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Refused(Exception):
    """The server says no for good; a call that does not expect this ends with `RequestRejected`."""

    def __init__(self, message: str, status: int, kind: str | None) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        """SCIM's word for the reason, such as `uniqueness`; `None`: the server does not say."""


class ScimClient:
    """Sends requests to one server."""

    def __init__(self, http: httpx2.AsyncClient, *, longest_call: float = LONGEST_CALL) -> None:
        self._http = http
        self._longest_call = longest_call
        self.name = f"The SCIM server {http.base_url.host}"

    @asynccontextmanager
    async def call(self) -> AsyncIterator["Call"]:
        """Begin a call: its time starts now.

        Raises:
            RequestRejected: when the server says no for good.
        """
        try:
            yield Call(self._http, self.name, self._longest_call)
        except Refused as error:
            raise RequestRejected(str(error)) from None


class Call:
    """The requests of one call; after its time it sends none."""

    def __init__(self, http: httpx2.AsyncClient, name: str, seconds: float) -> None:
        self._http = http
        self._name = name
        self._until = monotonic() + seconds

    async def get(self, kind: type[M], path: str, **parameters: str | int) -> M:
        """Return what is at this path.

        Raises:
            Refused: when the server says no for good.
            ExternalSystemUnavailable: when it does not answer in time, or with something else.
        """
        answer = await self._send("GET", path, params=parameters)
        return self.parsed(kind, answer.content)

    async def post(self, path: str, body: Mapping[str, Any]) -> None:
        """Create a resource.

        Raises:
            Refused, ExternalSystemUnavailable: as `get`.
        """
        await self._send("POST", path, body=body)

    async def patch(self, path: str, operations: list[dict[str, Any]], version: str | None = None) -> None:
        """Change a resource.

        Args:
            version: the ETag that it must still have; `None`: any.

        Raises:
            Refused, ExternalSystemUnavailable: as `get`; the second if the resource has another ETag.
        """
        schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]
        await self._send("PATCH", path, body={"schemas": schemas, "Operations": operations}, version=version)

    async def delete(self, path: str, version: str | None) -> None:
        """Remove a resource; what is not there counts as removed.

        Raises:
            Refused, ExternalSystemUnavailable: as `patch`.
        """
        try:
            await self._send("DELETE", path, version=version)
        except Refused as error:
            if error.status != NOT_FOUND:
                raise

    def parsed(self, kind: type[M], content: bytes | Mapping[str, Any]) -> M:
        """Return an answer, or a part of it, as this model.

        Raises:
            ExternalSystemUnavailable: when it is something else.
        """
        try:
            if isinstance(content, bytes):
                return kind.model_validate_json(content)
            return kind.model_validate(content)
        except ValidationError as error:
            fields = ", ".join({".".join(map(str, one["loc"])) for one in error.errors()} - {""})
            what = f"{kind.__name__} without a valid {fields}" if fields else "something that is not JSON"
            raise ExternalSystemUnavailable(f"{self._name} answered with {what}") from None

    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        body: Mapping[str, Any] | None = None,
        version: str | None = None,
    ) -> httpx2.Response:
        headers = {} if version is None else {"If-Match": version}
        if body is not None:
            headers["Content-Type"] = MEDIA_TYPE
        left = self._until - monotonic()
        if left <= 0:
            raise ExternalSystemUnavailable(f"{self._name} was too slow; this call sends nothing more")
        try:
            async with asyncio.timeout(left):
                answer = await self._http.request(method, path, params=params, json=body, headers=headers)
        except TimeoutError:
            raise ExternalSystemUnavailable(f"{self._name} did not answer in time") from None
        except httpx2.HTTPError as error:
            reason = legible(str(error)) or type(error).__name__
            raise ExternalSystemUnavailable(f"{self._name} cannot be reached ({reason})") from None
        return self._accepted(method, path, answer)

    def _accepted(self, method: str, path: str, answer: httpx2.Response) -> httpx2.Response:
        if answer.is_success:
            return answer
        status, refusal = answer.status_code, _refusal(answer)
        reason = " ".join(filter(None, (str(status), refusal.kind)))
        detail = legible(refusal.detail or answer.reason_phrase)
        if status in PASSING or (answer.is_server_error and status != NOT_IMPLEMENTED):
            asked = _retry_after(answer)
            raise ExternalSystemUnavailable(
                f"{self._name} cannot do {method} {path} now ({reason}): {detail}", retry_after=asked
            )
        raise Refused(
            f"{self._name} rejects {method} {path} ({reason}): {detail}", status=status, kind=refusal.kind
        )


def path_to(kind: str, resource_id: str) -> str:
    """Return the path of a resource; its id may hold any character."""
    return f"{kind}s/{quote(resource_id, safe='')}"


def _refusal(answer: httpx2.Response) -> Refusal:
    try:
        return Refusal.model_validate_json(answer.content)
    except ValidationError:
        return Refusal()


def _retry_after(answer: httpx2.Response) -> timedelta | None:
    asked = answer.headers.get("Retry-After", "")
    if not (asked.isascii() and asked.isdigit()):
        return None  # a date would need two clocks that agree
    seconds = int(asked[:9])
    return min(timedelta(seconds=seconds), LONGEST_WAIT) if seconds else None
