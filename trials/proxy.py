"""A proxy on the loopback interface, by which a connection can be cut, delayed and refused."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Upstream = Callable[[], Awaitable[Streams]]
"""Connects to the server; asked for each connection: one that was killed may come back elsewhere."""

CHUNK = 64 * 1024
UNNOTICED = 30.0
"""Seconds after which the other side hears that one has broken: as when a machine has lost its power."""
RESET = struct.pack("ii", 1, 0)
"""`SO_LINGER` so that closing sends a reset, as a connection ends that breaks."""


class Proxy:
    """Passes on what comes, as long as it is not told otherwise."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._open: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self.delay = 0.0
        """Seconds that everything takes longer, in each direction."""
        self.refuses = False
        """Whether a new connection is cut at once."""

    def cut(self) -> int:
        """Break every connection that is open; return how many."""
        broken = list(self._open)
        for writers in broken:
            for writer in writers:
                _reset(writer)
        return len(broken)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass on one connection until one of its sides ends it."""
        if self.refuses:
            _reset(writer)
            return
        try:
            server_reader, server_writer = await self._upstream()
        except OSError:
            _reset(writer)
            return
        pair = (writer, server_writer)
        self._open.add(pair)
        passing = [
            asyncio.create_task(self._pass(reader, server_writer)),
            asyncio.create_task(self._pass(server_reader, writer)),
        ]
        try:
            # Python 3.11 logs a stack trace of a connection that ends cancelled, with the event loop.
            with suppress(asyncio.CancelledError):
                done, _ = await asyncio.wait(passing, return_when=asyncio.FIRST_EXCEPTION)
                if any(task.exception() for task in done):
                    await asyncio.sleep(UNNOTICED)
        finally:
            self._open.discard(pair)
            for task in passing:
                task.cancel()
            for one in pair:
                one.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            if self.delay:
                await asyncio.sleep(self.delay)
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof() and not writer.is_closing():
            writer.write_eof()


@asynccontextmanager
async def open_proxy(upstream: Upstream) -> AsyncIterator[tuple[Proxy, int]]:
    """Give a proxy, and the port of 127.0.0.1 that it listens on, until the end."""
    proxy = Proxy(upstream)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    try:
        yield proxy, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        proxy.cut()
        await asyncio.sleep(0)


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.family == socket.AF_INET:
        with suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()
