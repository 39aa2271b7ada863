"""A sandbox FHIR server for tests and demos: the two searches of an IHE gateway, on loopback only.

It answers patient discovery (IHE PDQm ITI-78, GET or POST of Patient) and document queries (IHE MHD ITI-67, GET or
POST of DocumentReference) with people and documents made from hashes of the search parameters, and it misbehaves on
request. It is no part of what is deployed, checks nothing that a real gateway would, and never logs a request.
"""

from __future__ import annotations

import argparse
import json
import sys
import threading
from http.server import ThreadingHTTPServer

from sandbox_faults import KINDS, NUMBERS, Chance, Faults
from sandbox_http import Handler
from sandbox_records import Shares
from sandbox_state import Ledger, Tokens

EPILOG = f"""
faults (--fault NAME=PROBABILITY, several add up to at most 1):
{chr(10).join(f"  {name:<11} {meaning}" for name, meaning in KINDS.items())}
  The same requests meet the same faults, in whatever order they come; --fault seed=N gives others.
  Numbers are set likewise: {", ".join(f"{name}={number:g}" for name, number in NUMBERS.items())}.

while it runs:
  GET    /_sandbox/requests     how many requests came to each path, met which fault, and which patients
                                (by a hash) were searched for how often; DELETE starts counting anew
  GET    /_sandbox/faults       the faults as they are
  PUT    /_sandbox/faults?429=0.2&retry-after=2&seed=7
                                other faults instead; without a query, none
  POST   /_sandbox/token        a token by OAuth 2.0 client credentials, if --client-secret is given
  DELETE /_sandbox/token        all tokens given so far are refused from now on

It prints one line of JSON with its base URL as soon as it answers.
"""


class Server(ThreadingHTTPServer):
    """The server and what its requests share."""

    daemon_threads = True
    #: Many Lambdas may connect at once.
    request_queue_size = 128

    def __init__(self, port: int, shares: Shares, page_size: int, faults: Faults, tokens: Tokens) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.shares, self.page_size, self.tokens = shares, page_size, tokens
        self.chance, self.ledger = Chance(faults), Ledger()
        self.origin = f"http://127.0.0.1:{self.server_address[1]}"
        self.base = f"{self.origin}/fhir"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news; anything else is shown, without the request."""
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, TimeoutError)):
            print(f"sandbox: {type(error).__name__}", file=sys.stderr)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    shares = Shares()
    options = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = options.add_argument
    add("--port", type=int, default=0, help="port on 127.0.0.1; any free one if not given")
    add("--with-documents", type=float, default=shares.with_documents, help="share of people who have documents")
    add("--without-documents", type=float, default=shares.without_documents, help="share of known people without any")
    add("--ambiguous", type=float, default=shares.ambiguous, help="share of people who are found twice")
    add("--page-size", type=int, default=10, help="most entries of a page, whatever _count says")
    add("--fault", action="append", default=[], metavar="NAME=NUMBER", help="see below; may be repeated")
    add("--token", help="a bearer token that every search has to show")
    add("--client-secret", help="the secret of any OAuth client; every search has to show a token given for it")
    add("--expires-in", type=int, default=3600, help="seconds that a given token is good for")
    add("--until-eof", action="store_true", help="end when standard input does: for a parent that may die")
    return options


def main() -> int:
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
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
