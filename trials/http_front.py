"""A front of an HTTP server on the loopback interface, with the faults of an external system."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from services.fake_faults import Fault, FaultKind

CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
"""Methods that change something; only such a request is rejected, or loses its answer."""


@dataclass(frozen=True)
class Request:
    """A request that came."""

    method: str
    head: str
    body: bytes


def answer(status: str, body: object = None, **headers: str) -> bytes:
    """Return an HTTP answer.

    Args:
        body: is sent as JSON; bytes are sent as they are.
    """
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


REJECTION = answer("400 Bad Request", {"status": "400", "scimType": "invalidValue", "detail": "by a fault"})


class HttpFront:
    """Forwards one request for each connection, unless a fault strikes."""

    def __init__(self, upstream: int) -> None:
        """Create a front.

        Args:
            upstream: the port of the server, on 127.0.0.1.
        """
        self._upstream = upstream
        self._left: list[tuple[Fault, int | None]] = []
        self._lost: int | None = None
        self.port = 0
        """Its own port, on 127.0.0.1."""
        self.requests: list[Request] = []
        """All that came, in order."""
        self.instead: list[bytes] = []
        """Answers to the next requests, instead of the server's."""

    def order(self, fault: Fault) -> None:
        """Inject a fault."""
        self._left.append((fault, fault.times))

    def fail_at(self, number: int) -> None:
        """Lose the answer to the request of this number, counted from now and starting at 1."""
        self._lost = len(self.requests) + number

    def clear(self) -> None:
        """Remove all faults."""
        self._left.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        with suppress(OSError, asyncio.IncompleteReadError):
            head, request = await _read(reader)
            self.requests.append(request)
            writer.write(await self._answer(head, request))
            await writer.drain()
        writer.close()

    async def _answer(self, head: bytes, request: Request) -> bytes:
        number, changes = len(self.requests), request.method in CHANGES
        if (slow := self._struck("slow")) is not None:
            await asyncio.sleep(slow.seconds or 0)
        if self._struck("unreachable") is not None:
            return b""
        if self.instead:
            return self.instead.pop(0)
        if changes and self._struck("reject") is not None:
            return REJECTION
        answered = await self._forward(head + request.body)
        lost = number == self._lost or (changes and self._struck("answer lost") is not None)
        return b"" if lost else answered

    async def _forward(self, sent: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        writer.write(sent)
        answered = await reader.read()
        writer.close()
        return answered

    def _struck(self, kind: FaultKind) -> Fault | None:
        for place, (fault, left) in enumerate(self._left):
            if fault.kind == kind:
                if left is not None:
                    self._left[place : place + 1] = [(fault, left - 1)] if left > 1 else []
                return fault
        return None


async def _read(reader: asyncio.StreamReader) -> tuple[bytes, Request]:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines if line)
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return head, Request(first.partition(" ")[0], head.decode("latin-1"), body)


@asynccontextmanager
async def open_front(upstream: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[HttpFront]:
    """Serve a front of the server at this port of 127.0.0.1, perhaps with TLS."""
    front = HttpFront(upstream)
    server = await asyncio.start_server(front.serve, "127.0.0.1", 0, ssl=tls)
    front.port = server.sockets[0].getsockname()[1]
    try:
        yield front
    finally:
        server.close()
