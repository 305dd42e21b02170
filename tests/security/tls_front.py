"""TLS in front of the test servers, which offer none themselves."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Awaitable[Streams]]

SSL_REQUEST = bytes.fromhex("0000000804d2162f")
"""The first message of a PostgreSQL client that requests TLS."""


@asynccontextmanager
async def postgres_front(connect: Connect, context: ssl.SSLContext) -> AsyncIterator[int]:
    """Terminate TLS in front of PostgreSQL, with its own handshake; yield the port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readexactly(len(SSL_REQUEST)) == SSL_REQUEST:
            writer.write(b"S")
            await writer.start_tls(context)
            await _join((reader, writer), await connect())

    async with _listening(serve) as port:
        yield port


@asynccontextmanager
async def temporal_front(
    connect: Connect, context: ssl.SSLContext, seen: bytearray | None = None
) -> AsyncIterator[int]:
    """Terminate TLS in front of Temporal; yield the port.

    Args:
        seen: receives a copy of all bytes that clients send.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _join((reader, writer), await connect(), seen)

    context.set_alpn_protocols(["h2"])
    async with _listening(serve, context) as port:
        yield port


@asynccontextmanager
async def _listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    context: ssl.SSLContext | None = None,
) -> AsyncIterator[int]:
    async def serve_quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A client that does not trust this certificate closes the connection.
        with suppress(OSError, asyncio.IncompleteReadError):
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(serve_quietly, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def _join(client: Streams, server: Streams, seen: bytearray | None = None) -> None:
    await asyncio.gather(_pump(client[0], server[1], seen), _pump(server[0], client[1]))


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: bytearray | None = None
) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            if seen is not None:
                seen += data
            writer.write(data)
            await writer.drain()
    writer.close()
