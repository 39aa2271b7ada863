"""Passes on connections from other addresses to this machine's loopback."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass

PIECE = 64 * 1024


@dataclass(frozen=True)
class Route:
    """Where to listen (at port 0: at any free one), and which port of the loopback it leads to."""

    address: str
    port: int
    to: int


@contextlib.contextmanager
def forwarding(routes: list[Route], context: ssl.SSLContext | None = None) -> Iterator[list[int]]:
    """Passes on what comes by these routes, with TLS if there is a context. Yields the ports that are listened at.

    Raises `OSError` if one of the addresses is not this machine's."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    servers: list[asyncio.Server] = []
    try:
        for route in routes:
            servers.append(asyncio.run_coroutine_threadsafe(_serve(route, context), loop).result())
        yield [server.sockets[0].getsockname()[1] for server in servers]
    finally:
        for server in servers:
            loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _serve(route: Route, context: ssl.SSLContext | None) -> asyncio.Server:
    async def passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_target, to_target = await asyncio.open_connection("127.0.0.1", route.to)
        await asyncio.gather(_copy(reader, to_target), _copy(from_target, writer))

    return await asyncio.start_server(passed_on, route.address, route.port, ssl=context)


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await source.read(PIECE):
            sink.write(piece)
            await sink.drain()
    sink.close()
