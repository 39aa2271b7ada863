"""moto's server at a loopback port, with requests one after the other: `.venv-moto/bin/python moto_server.py PORT`.

moto's own server answers each request in a thread of its own, and nothing in moto keeps two conditional writes of
one item apart: both can take place, which AWS rules out. Only SQS is left as it is, whose requests wait for messages.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

App = Callable[[dict[str, Any], Any], Iterable[bytes]]


def one_by_one(app: App) -> App:
    """The same server, in which a request waits for the end of the one before."""
    lock = threading.Lock()

    def answer(request: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if request.get("HTTP_X_AMZ_TARGET", "").startswith("AmazonSQS."):
            return app(request, start_response)
        with lock:
            return app(request, start_response)

    return answer


def main() -> None:
    # Here, since only moto's own environment has them: the tests of the above run in another.
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import run_simple

    server = one_by_one(DomainDispatcherApplication(create_backend_app))
    run_simple("127.0.0.1", int(sys.argv[1]), server, threaded=True, request_handler=MotoRequestHandler)


if __name__ == "__main__":
    main()
