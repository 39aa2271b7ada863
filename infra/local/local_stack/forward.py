"""Forwards TCP connections from other addresses of this machine to its loopback interface."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass

BUFFER_BYTES = 64 * 1024


@dataclass(frozen=True)
class Route:
    """An address and a port to listen on, where 0 means any free port, and the loopback port that they lead to."""

    address: str
    port: int
    to: int


@contextlib.contextmanager
def forwarding(routes: list[Route], context: ssl.SSLContext | None = None) -> Iterator[list[int]]:
    """Forwards connections by these routes, with TLS if there is a context. Yields the ports that it listens on.

    Raises `OSError` if one of the addresses is not this machine's.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    servers: list[asyncio.Server] = []
    try:
        for route in routes:
            server = asyncio.run_coroutine_threadsafe(_serve(route, context), loop).result()
            servers.append(server)
        yield [server.sockets[0].getsockname()[1] for server in servers]
    finally:
        for server in servers:
            loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _serve(route: Route, context: ssl.SSLContext | None) -> asyncio.Server:
    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_target, to_target = await asyncio.open_connection("127.0.0.1", route.to)
        await asyncio.gather(_copy(reader, to_target), _copy(from_target, writer))

    return await asyncio.start_server(forward, route.address, route.port, ssl=context)


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await source.read(BUFFER_BYTES):
            sink.write(piece)
            await sink.drain()
    sink.close()
