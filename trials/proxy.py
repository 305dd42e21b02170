"""A proxy on the loopback interface that can cut, delay and refuse connections."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Upstream = Callable[[], Awaitable[Streams]]
"""Connects to the server. Called for each connection: a killed server may restart at another address."""

CHUNK = 64 * 1024
UNNOTICED = 30.0
"""Seconds before one side learns that the other is gone, as if a machine had lost its power."""
RESET = struct.pack("ii", 1, 0)
"""`SO_LINGER` value that makes closing send a reset, as a broken connection does."""


class Proxy:
    """Forwards data in both directions; can cut, delay and refuse connections."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._open: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self.delay = 0.0
        """Seconds that each piece of data is delayed, in each direction."""
        self.refuses = False
        """Whether new connections are cut at once."""

    def cut(self) -> int:
        """Reset every open connection; return how many."""
        broken = list(self._open)
        for writers in broken:
            for writer in writers:
                _reset(writer)
        return len(broken)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection until one side ends it."""
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
            # Python 3.11 logs a stack trace for a connection that is cancelled when the event loop ends.
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
    """Serve a proxy; yield it, and the port of 127.0.0.1 that it listens on."""
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
