"""The HTTP requests of the sandbox: its paths, and its faults on the wire."""

from __future__ import annotations

import json
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from tests.sandbox import records
from tests.sandbox.faults import Faults

if TYPE_CHECKING:
    from tests.sandbox.__main__ import Server

FHIR_JSON = "application/fhir+json; charset=utf-8; fhirVersion=4.0"
HUGE_BYTES = 64 << 20
SEARCHES = ("Patient", "DocumentReference")
#: The faults that answer an error: its status, and the severity, code and text of the problem.
REFUSALS = {
    "500": (500, "fatal", "exception", "An error on request"),
    "gone": (404, "error", "not-found", "It was deleted"),
}
#: The faults that answer 200 with something else: the body and its media type.
WRONG_BODIES = {
    "mislabeled": (b"Neither FHIR nor a document", "application/pdf"),
    "html": (b"<!doctype html><title>Welcome</title>", "text/html"),
    "malformed": (b'{"resourceType":"Bundle","type":"searchset","entry":[{"resource":{"resour', FHIR_JSON),
}


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    #: An answer is written in one piece and sent at once.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answers a request of any method."""
        self.route()

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815, the base class calls these names

    def log_message(self, *_: object) -> None:
        """Writes no access log, because search parameters are data of patients."""

    def route(self) -> None:
        """Finds out what a request asks for, and answers it."""
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length", "0"))).decode()
        query = parse_qs(url.query)
        if url.path.startswith("/_sandbox/"):
            self.admin(url.path.removeprefix("/_sandbox/"), query, parse_qs(body))
            return
        path = url.path.removeprefix("/fhir/")
        kind, _, identifier = path.partition("/")
        if kind in ("Binary", "DocumentReference") and records.DOCUMENT_ID.fullmatch(identifier):
            self.read(kind, identifier)
            return
        resource = path.removesuffix("/_search")
        wanted = "POST" if path.endswith("/_search") else "GET"
        if resource not in SEARCHES or self.command != wanted:
            self.server.ledger.request("other", None)
            self.answer(404, records.outcome("error", "not-found", "The sandbox has Patient and DocumentReference"))
            return
        text = "&".join(part for part in (url.query, body) if part)
        # A comma separates accepted values. No name in the sandbox contains a comma.
        search = {name: value.split(",") for name, value in parse_qsl(text)}
        fault = self.server.plan.draw(f"{resource} {records.digest(text)}")
        self.server.ledger.request(f"{self.command} {resource}", fault)
        if self.allow(fault) and not self.inject(fault):
            self.search(resource, search, fault)

    def allow(self, fault: str | None) -> bool:
        """Returns whether a request has the token that it needs. Otherwise it has been answered."""
        if fault != "401" and self.server.tokens.allow(self.headers.get("authorization", "")):
            return True
        outcome = records.outcome("error", "login", "A token is missing or invalid")
        self.answer(401, outcome, {"www-authenticate": "Bearer"})
        return False

    def read(self, kind: str, identifier: str) -> None:
        """Answers the content of a document, or the document's reference with its content inside."""
        fault = self.server.plan.draw(f"{kind} {identifier}")
        counted = kind if kind == "Binary" else f"{kind}/id"
        self.server.ledger.request(f"{self.command} {counted}", fault)
        if not self.allow(fault) or self.inject(fault):
            return
        if kind == "DocumentReference":
            self.answer(200, records.reference(identifier))
            return
        media_type, body = records.content(identifier)
        if fault in ("loop", "foreign"):
            here = f"{self.server.base}/Binary/{identifier}"
            self.send(302, b"", media_type, {"location": here if fault == "loop" else "https://foreign.invalid/x"})
        elif fault == "endless":
            self.send_endlessly(media_type, body)
        elif "fhir+json" in self.headers.get("accept", ""):
            (inside,) = records.reference(identifier)["content"]
            self.answer(200, {"resourceType": "Binary", "id": identifier} | inside["attachment"])
        else:
            self.send(200, body, media_type)

    def send_endlessly(self, media_type: str, body: bytes) -> None:
        """Sends a body again and again, until the client closes the connection."""
        self.send_response(200)
        self.send_header("content-type", media_type)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        while True:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(body), body))
            self.wfile.flush()

    def inject(self, fault: str | None) -> bool:
        """Injects a fault. Returns whether the request has been answered by that."""
        numbers = self.server.plan.faults.numbers
        if fault == "slow":
            time.sleep(numbers["slow-seconds"])
        elif fault == "timeout":
            time.sleep(numbers["timeout-seconds"])
            self.close_connection = True
        elif fault == "429":
            wait = {"retry-after": f"{numbers['retry-after']:.0f}"}
            self.answer(429, records.outcome("error", "throttled", "Too many requests"), wait)
        elif fault == "503":
            until = formatdate(time.time() + numbers["retry-after"], usegmt=True)
            self.answer(503, records.outcome("error", "transient", "Try again later"), {"retry-after": until})
        elif fault in REFUSALS:
            status, *problem = REFUSALS[fault]
            self.answer(status, records.outcome(*problem))
        elif fault in WRONG_BODIES:
            self.send(200, *WRONG_BODIES[fault])
        elif fault == "reset":
            self.send(200, b'{"resourceType":"Bundle",', FHIR_JSON, claimed=1000)
        elif fault == "huge":
            self.send(200, b'{"resourceType":"Bundle","id":"' + b"x" * HUGE_BYTES + b'"}', FHIR_JSON)
        return fault not in (None, "slow", "incomplete", "endless", "loop", "foreign")

    def search(self, resource: str, search: records.Query, fault: str | None) -> None:
        """Answers one page of a search."""
        server = self.server
        page = int(search.pop("page", ["0"])[0])
        endless = search.pop("endless", None) or fault == "endless"
        respected: tuple[str, ...] = ("patient", "status", "_count")
        if resource == "Patient":
            patient, respected = records.identity(search), records.RESPECTED
            found = records.patients(search, server.shares)
            size = len(found) or 1
            total = len(found)
        else:
            patient = search.get("patient", [""])[0].removeprefix("Patient/")
            if not patient:
                self.answer(400, records.outcome("error", "required", "patient is missing"))
                return
            total = records.document_count(patient)
            size = max(1, min(server.page_size, int(search.get("_count", [server.page_size])[0])))
            numbers = range(page * size, min(total, (page + 1) * size))
            found = [records.document(patient, number, server.base) for number in numbers]
        links = {"self": self.link(resource, search, respected, page)}
        if endless or (page + 1) * size < total:
            links["next"] = self.link(resource, search, respected, page + 1) + ("&endless=1" if endless else "")
        if fault == "loop":
            links["next"] = links["self"]
        elif fault == "foreign":
            links["next"] = "https://foreign.invalid/fhir?page=1"
        if fault == "incomplete":
            found.append(records.outcome("warning", "incomplete", "A source did not answer"))
        if "next" not in links:
            server.ledger.answered(patient.rsplit("-", 1)[-1], resource, total)
        self.answer(200, records.searchset(found, total, links, server.base))

    def link(self, resource: str, search: records.Query, respected: tuple[str, ...], page: int) -> str:
        """Returns the URL of a page of a search."""
        named = {name: ",".join(values) for name, values in search.items() if name in respected}
        return f"{self.server.base}/{resource}?{urlencode(named | ({'page': page} if page else {}))}"

    def admin(self, what: str, query: records.Query, form: records.Query) -> None:
        """Answers a request of a test to the control interface."""
        server = self.server
        match self.command, what:
            case "GET", "requests":
                self.answer(200, server.ledger.describe())
            case "DELETE", "requests":
                server.ledger.reset()
                self.answer(200, {})
            case "GET", "faults":
                self.answer(200, server.plan.faults.describe())
            case "PUT", "faults":
                try:
                    server.plan.replace(Faults.of(query))
                except ValueError as error:
                    self.answer(400, {"error": str(error)})
                    return
                self.answer(200, server.plan.faults.describe())
            case "POST", "token":
                server.ledger.request("token", None)
                token = server.tokens.issue(form, self.headers.get("authorization", ""))
                self.answer(200 if token else 401, token or {"error": "invalid_client"})
            case "DELETE", "token":
                server.tokens.revoke()
                self.answer(200, {})
            case _:
                self.answer(404, {"error": "see --help"})

    def answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        """Sends an answer in JSON."""
        content_type = FHIR_JSON if "resourceType" in body else "application/json"
        self.send(status, json.dumps(body).encode(), content_type, headers)

    def send(
        self, status: int, body: bytes, content_type: str, headers: dict[str, str] | None = None, claimed: int = 0
    ) -> None:
        """Sends an answer. If it claims more bytes than it has, the connection is closed after it."""
        self.send_response(status)
        for name, value in {"content-type": content_type, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(claimed or len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.close_connection or bool(claimed)
