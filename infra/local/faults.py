"""Stands between the functions and the emulator: counts AWS calls by operation, and lets some of them fail.

Run by `supervisor.py`. It is `microburst`, which renders each error as its service writes it, with what its 0.10.0
lacks for our purpose:

- the `Host` header stays what was signed: the emulator checks signatures, and by them the role of each function;
- a reply can get lost even if it has no body, as that of an S3 `PutObject`: `"response": {"abort_bytes": 0}`;
- the dice have a seed. Which call meets which throw still depends on the functions' timing;
- `GET /_faults/calls` tells the calls of each operation and the items in them, throttled ones included;
- a throttle of SQS is `RequestThrottled` in the header that SDKs read, as AWS has it, without a namespace before it;
- the resource of an S3 call is bucket and key, so that a rule can be about one folder;
- what is asked for by a signed link is a customer's business: never disturbed, never counted.

Rules are files of `profiles/`; `POST /_microburst/rules` sets others while it runs, see microburst's own documentation.
"""

from __future__ import annotations

import argparse
import collections
import json
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiohttp import ClientError, web
from microburst.control import CONTROL_PREFIX
from microburst.core.context import RequestContext
from microburst.core.pipeline import Microburst
from microburst.forward import Upstream
from microburst.rules import Decision, RuleEngine

PROFILES = Path(__file__).parent / "profiles"
#: Faults that `/_microburst/fired` remembers: those of some files of 5,000 rows.
REMEMBERED = 100_000
#: Where services that once spoke another protocol put the code of an error, and whose fault it is.
QUERY_ERROR = "x-amzn-query-error"
THROTTLED = "RequestThrottled;Sender"


def profile(name: str) -> list[dict[str, Any]]:
    """The rules of `profiles/{name}.json`."""
    return json.loads((PROFILES / f"{name}.json").read_text())


def profiles() -> list[str]:
    """All that there are."""
    return sorted(path.stem for path in PROFILES.glob("*.json"))


def items(operation: str | None, body: bytes | None) -> int:
    """How many items or messages one call reads or writes."""
    if body is None or operation is None or "Batch" not in operation:
        return 1
    request = json.loads(body)
    entries = request.get("Entries")
    if entries is None:
        tables = request.get("RequestItems", {}).values()
        return sum(len(table["Keys"] if isinstance(table, dict) else table) for table in tables)
    return len(entries)


class Counting(RuleEngine):
    """Decides as rules say, and counts what it was asked about."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: collections.Counter[str] = collections.Counter()
        self.items: collections.Counter[str] = collections.Counter()

    def decide(self, info: RequestContext) -> Decision | None:
        if "X-Amz-Signature" in info.query:
            return None
        if info.service == "s3":
            info.resource = info.path
        name = f"{info.service}.{info.operation}"
        self.calls[name] += 1
        self.items[name] += items(info.operation, info.body)
        return super().decide(info)


class Emulator(Upstream):
    """Passes requests on as they were signed, and loses replies as a whole."""

    def _outbound_headers(self, request: web.Request) -> dict[str, str]:
        return super()._outbound_headers(request) | {"host": request.headers["Host"]}

    async def relay(
        self, request: web.Request, body: bytes | None, mutator: Any = None, data: Any = None
    ) -> web.StreamResponse:
        # In one piece, because its length is signed, too.
        if body is None and request.can_read_body:
            body = await request.read()
        if mutator is None or mutator.abort_bytes != 0:
            return await super().relay(request, body, mutator, data)
        assert self.session is not None
        url = self.base_url + request.rel_url.raw_path_qs
        headers = self._outbound_headers(request)
        try:
            async with self.session.request(request.method, url, headers=headers, data=body) as reply:
                await reply.read()
        except ClientError as error:
            return web.Response(status=502, text=str(error))
        if request.transport is not None:
            request.transport.abort()
        return web.Response()


@web.middleware
async def plain_code(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Any:
    """Names the throttle of SQS as AWS does: only its other codes have a namespace."""
    reply = await handler(request)
    if reply.headers.get(QUERY_ERROR) == f"AWS.SimpleQueueService.{THROTTLED}":
        reply.headers[QUERY_ERROR] = THROTTLED
    return reply


def application(upstream: str, rules: list[dict[str, Any]]) -> web.Application:
    """The proxy, its control paths among the others."""
    proxy = Microburst(upstream, resign=False, fired_capacity=REMEMBERED)
    counting = Counting()
    counting.set_rules(rules)
    proxy.engine = counting
    proxy.upstream = Emulator(upstream, stats=proxy.stats)

    async def calls(_: web.Request) -> web.Response:
        return web.json_response({"calls": counting.calls, "items": counting.items})

    # Files of any size pass.
    app = web.Application(client_max_size=0, middlewares=[plain_code])
    app.on_startup.append(proxy.start)
    app.on_cleanup.append(proxy.stop)
    app.router.add_get("/_faults/calls", calls)
    app.router.add_route("*", f"{CONTROL_PREFIX}/{{tail:.*}}", proxy.handle_control)
    app.router.add_route("*", "/{tail:.*}", proxy.handle_proxy)
    return app


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--profile", choices=profiles(), required=True)
    parser.add_argument("--seed", type=int, required=True)
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    app = application(arguments.upstream, profile(arguments.profile))
    web.run_app(app, host="127.0.0.1", port=arguments.port, print=None, access_log=None)


if __name__ == "__main__":
    main()
