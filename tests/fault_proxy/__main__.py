"""Runs the fault proxy: `python -m tests.fault_proxy`. A local stack with `--faults` starts it.

It is `microburst`, which renders each error as its service writes it, with what its version 0.10.0 lacks here:

- The `Host` header stays as it was signed, because the emulator checks signatures, which tell the role of a function.
- A reply can get lost even if it has no body, as that of an S3 `PutObject`: `"response": {"abort_bytes": 0}`.
- The random numbers have a seed. Which call meets which number still depends on the functions' timing.
- `GET /_faults/calls` returns the calls of each operation and the items in them, throttled calls included.
- A throttled call of SQS has `RequestThrottled` without a namespace in the header that SDKs read, as on AWS.
- The resource of an S3 call is bucket and key, so that a rule can apply to one folder.
- A request by a signed link is a customer's, so it meets no fault and is not counted.

The files of `profiles/` are rules. `POST /_microburst/rules` replaces the rules while the proxy runs.
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
#: The number of faults that `/_microburst/fired` remembers, enough for some files of 5,000 rows.
REMEMBERED = 100_000
#: The header in which services that once used the Query protocol put the code of an error and the party at fault.
QUERY_ERROR = "x-amzn-query-error"
THROTTLED = "RequestThrottled;Sender"


def profile(name: str) -> list[dict[str, Any]]:
    """Returns the rules of `profiles/{name}.json`."""
    rules: list[dict[str, Any]] = json.loads((PROFILES / f"{name}.json").read_text())
    return rules


def profiles() -> list[str]:
    """Returns the names of all profiles."""
    return sorted(path.stem for path in PROFILES.glob("*.json"))


def items(operation: str | None, body: bytes | None) -> int:
    """Returns the number of items or messages that one call reads or writes."""
    if body is None or operation is None or "Batch" not in operation:
        return 1
    request = json.loads(body)
    entries = request.get("Entries") or request.get("Statements")
    if entries is None:
        tables = request.get("RequestItems", {}).values()
        return sum(len(table["Keys"] if isinstance(table, dict) else table) for table in tables)
    return len(entries)


class Counting(RuleEngine):
    """Decides by rules, and counts the calls that it decides on."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: collections.Counter[str] = collections.Counter()
        self.items: collections.Counter[str] = collections.Counter()

    def decide(self, info: RequestContext) -> Decision | None:
        """Counts a call and returns the fault that it meets, if any."""
        if "X-Amz-Signature" in info.query:
            return None
        if info.service == "s3":
            info.resource = info.path
        name = f"{info.service}.{info.operation}"
        self.calls[name] += 1
        self.items[name] += items(info.operation, info.body)
        return super().decide(info)


class Emulator(Upstream):
    """Forwards requests as they were signed, and can lose a reply as a whole."""

    def _outbound_headers(self, request: web.Request) -> dict[str, str]:
        return super()._outbound_headers(request) | {"host": request.headers["Host"]}

    async def relay(
        self, request: web.Request, body: bytes | None, mutator: Any = None, data: Any = None
    ) -> web.StreamResponse:
        """Forwards a request; the reply is lost if a rule says so."""
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
    """Removes the namespace from the code of a throttled call of SQS, as on AWS. The other codes have a namespace."""
    reply = await handler(request)
    if reply.headers.get(QUERY_ERROR) == f"AWS.SimpleQueueService.{THROTTLED}":
        reply.headers[QUERY_ERROR] = THROTTLED
    return reply


def application(upstream: str, rules: list[dict[str, Any]]) -> web.Application:
    """Returns the proxy, with its control paths."""
    proxy = Microburst(upstream, resign=False, fired_capacity=REMEMBERED)
    counting = Counting()
    counting.set_rules(rules)
    proxy.engine = counting
    proxy.upstream = Emulator(upstream, stats=proxy.stats)

    async def calls(_request: web.Request) -> web.Response:
        return web.json_response({"calls": counting.calls, "items": counting.items})

    # There is no limit for the size of a file.
    app = web.Application(client_max_size=0, middlewares=[plain_code])
    app.on_startup.append(proxy.start)
    app.on_cleanup.append(proxy.stop)
    app.router.add_get("/_faults/calls", calls)
    app.router.add_route("*", f"{CONTROL_PREFIX}/{{tail:.*}}", proxy.handle_control)
    app.router.add_route("*", "/{tail:.*}", proxy.handle_proxy)
    return app


def main() -> None:
    """Serves until a signal ends the process."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
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
