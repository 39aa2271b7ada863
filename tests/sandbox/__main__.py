"""Runs the sandbox: `python -m tests.sandbox`, which needs the standard library only.

It answers patient discovery (IHE PDQm ITI-78, GET or POST of Patient) and document queries (IHE MHD ITI-67, GET or
POST of DocumentReference) with records derived from hashes of the search parameters, serves the contents of documents
(ITI-68, GET of Binary), and injects faults on request. It is never deployed, checks nothing that a real gateway would
check, and never logs a request.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import threading
from http.server import ThreadingHTTPServer

from tests.sandbox.faults import KINDS, NUMBERS, FaultPlan, Faults
from tests.sandbox.handler import Handler
from tests.sandbox.records import Shares
from tests.sandbox.state import Ledger, Tokens

EPILOG = f"""
faults (--fault NAME=PROBABILITY; the probabilities add up to at most 1):
{chr(10).join(f"  {name:<11} {meaning}" for name, meaning in KINDS.items())}
  The same requests meet the same faults, in any order; --fault seed=N chooses other faults.
  Numbers are set in the same way: {", ".join(f"{name}={number:g}" for name, number in NUMBERS.items())}.

while it runs:
  GET    /_sandbox/requests     counts of requests by path, of faults, and of searches by the hash of the
                                patient; DELETE sets the counts to zero
  GET    /_sandbox/faults       the present faults
  PUT    /_sandbox/faults?429=0.2&retry-after=2&seed=7
                                replaces the faults; without a query, there are none
  POST   /_sandbox/token        a token by OAuth 2.0 client credentials, if --client-secret is given
  DELETE /_sandbox/token        makes all issued tokens invalid

It prints one line of JSON with its base URL as soon as it answers."""


class Server(ThreadingHTTPServer):
    """The server, with the state that its requests share."""

    daemon_threads = True
    #: Many functions can connect at the same time.
    request_queue_size = 128

    def __init__(self, port: int, shares: Shares, page_size: int, faults: Faults, tokens: Tokens) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.shares, self.page_size, self.tokens = shares, page_size, tokens
        self.plan, self.ledger = FaultPlan(faults), Ledger()
        self.origin = f"http://127.0.0.1:{self.server_address[1]}"
        self.base = f"{self.origin}/fhir"

    def handle_error(self, request: object, client_address: object) -> None:
        """Prints the kind of an error, without the request. A client may close its connection at any time."""
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, TimeoutError)):
            print(f"sandbox: {type(error).__name__}", file=sys.stderr)


def parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    shares = Shares()
    options = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = options.add_argument
    add("--port", type=int, default=0, help="port on 127.0.0.1; any free one if not given")
    add("--with-documents", type=float, default=shares.with_documents, help="share of patients who have documents")
    add(
        "--without-documents",
        type=float,
        default=shares.without_documents,
        help="share of patients who are known and have no documents",
    )
    add("--ambiguous", type=float, default=shares.ambiguous, help="share of patients who are found twice")
    add("--page-size", type=int, default=10, help="upper bound for the entries of a page, also if _count is larger")
    add("--fault", action="append", default=[], metavar="NAME=NUMBER", help="see below; may be repeated")
    add("--token", help="a bearer token that each search must send")
    add("--client-secret", help="the secret of any OAuth client; each search must send a token issued for it")
    add("--expires-in", type=int, default=3600, help="seconds after which an issued token expires")
    add(
        "--until-eof",
        action="store_true",
        help="end when standard input ends, so that the sandbox does not survive its parent",
    )
    return options


def main() -> int:
    """Serves until SIGINT, or until standard input ends."""
    options = parser()
    arguments = options.parse_args()
    try:
        faults = Faults.of({name: [number] for name, _, number in (text.partition("=") for text in arguments.fault)})
        shares = Shares(arguments.with_documents, arguments.without_documents, arguments.ambiguous)
    except ValueError as error:
        options.error(str(error))
    tokens = Tokens(arguments.token, arguments.client_secret, arguments.expires_in)
    server = Server(arguments.port, shares, max(1, arguments.page_size), faults, tokens)
    if arguments.until_eof:

        def end_with_parent() -> None:
            sys.stdin.buffer.read()
            server.shutdown()

        threading.Thread(target=end_with_parent, daemon=True).start()
    print(json.dumps({"base": server.base, "admin": f"{server.origin}/_sandbox"}), flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
