"""Runs moto's server, which answers one request at a time: `.venv-moto/bin/python moto_server.py PORT`.

moto's own server answers each request in a thread of its own. But moto does not isolate two conditional writes of one
item, so that both can succeed, which never happens on AWS. Only calls of SQS run in parallel, because they wait for
messages.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

App = Callable[[dict[str, Any], Any], Iterable[bytes]]


def serialized(app: App) -> App:
    """Returns the same server, in which a request waits for the end of the previous one."""
    lock = threading.Lock()

    def answer(request: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if request.get("HTTP_X_AMZ_TARGET", "").startswith("AmazonSQS."):
            return app(request, start_response)
        with lock:
            return app(request, start_response)

    return answer


def main() -> None:
    """Serves until a signal ends the process."""
    # Imported here, because only moto's environment has these packages and the tests run in another one.
    from moto.moto_server import werkzeug_app  # noqa: PLC0415
    from werkzeug.serving import run_simple  # noqa: PLC0415

    server = serialized(werkzeug_app.DomainDispatcherApplication(werkzeug_app.create_backend_app))
    run_simple("127.0.0.1", int(sys.argv[1]), server, threaded=True, request_handler=werkzeug_app.MotoRequestHandler)


if __name__ == "__main__":
    main()
