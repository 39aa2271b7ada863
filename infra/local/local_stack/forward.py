"""Forwards TCP connections from other addresses of this machine to its loopback interface."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import Future
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
    stop = asyncio.Event()
    started: Future[list[int]] = Future()

    async def serve() -> None:
        async with contextlib.AsyncExitStack() as running:
            try:
                servers = [await running.enter_async_context(await _server(route, context)) for route in routes]
            except OSError as error:
                started.set_exception(error)
                return
            started.set_result([server.sockets[0].getsockname()[1] for server in servers])
            await stop.wait()
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield started.result()
    finally:
        if not started.exception():
            loop.call_soon_threadsafe(stop.set)
        thread.join()


async def _server(route: Route, context: ssl.SSLContext | None) -> asyncio.Server:
    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_target, to_target = await asyncio.open_connection("127.0.0.1", route.to)
        try:
            await asyncio.gather(_copy(reader, to_target), _copy(from_target, writer))
        except asyncio.CancelledError:
            writer.transport.abort()
            to_target.transport.abort()

    return await asyncio.start_server(forward, route.address, route.port, ssl=context)


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await source.read(BUFFER_BYTES):
            sink.write(piece)
            await sink.drain()
    sink.close()
