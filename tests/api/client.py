"""Calls the API of a local stack, uploads files to it, and receives its webhooks."""

from __future__ import annotations

import json
import queue
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from local_stack.description import Stack

ANSWER_SECONDS = 30
FILE_SECONDS = 120


class ApiError(Exception):
    """A call was refused, or an import did not complete. The text says which and why."""


@dataclass(frozen=True)
class Api:
    """The API at an address, for the customer of a key."""

    url: str
    key: str

    @classmethod
    def of(cls, stack: Stack) -> Api:
        """Returns the API of a stack, for its demo customer."""
        return cls(stack.api_url, stack.api_key)

    def call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Calls the API and returns its answer. Raises `ApiError` unless the call succeeds."""
        headers = {"x-api-key": self.key, "content-type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, method=method, data=content, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
                answered: dict[str, Any] = json.load(answer)
                return answered
        except urllib.error.HTTPError as error:
            with error:
                raise ApiError(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}") from None

    def create_job(self, facility: str) -> dict[str, Any]:
        """Creates a job and returns it, with the link for the upload."""
        return self.call("POST", f"/medical/v1/patient/bulk?facilityId={facility}")


def upload(url: str, file: Path) -> None:
    """Uploads a file to a link. Raises `HTTPError` if the link is refused."""
    headers = {"content-type": "text/csv", "content-length": str(file.stat().st_size)}
    with file.open("rb") as source:
        request = urllib.request.Request(url, method="PUT", data=source, headers=headers)
        with urllib.request.urlopen(request, timeout=FILE_SECONDS):
            pass


class Receiver:
    """A webhook receiver on a free loopback port. It does not check signatures, which `bulk listen` does."""

    def __init__(self) -> None:
        self.bodies: queue.Queue[dict[str, Any]] = queue.Queue()
        bodies = self.bodies

        class Handler(BaseHTTPRequestHandler):
            """Answers pings, and puts every other message into the queue."""

            def do_POST(self) -> None:
                """Receives a message and answers it with 200."""
                body = json.loads(self.rfile.read(int(self.headers.get("content-length", "0"))))
                is_ping = "ping" in body
                if not is_ping:
                    bodies.put(body)
                payload = json.dumps({"pong": body["ping"]} if is_ping else {}).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_: object) -> None:
                """Logs nothing, because the messages are in the queue."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/webhook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, timeout: float) -> dict[str, Any] | None:
        """Returns the body of the next message, or None if none arrives within `timeout` seconds."""
        try:
            return self.bodies.get(timeout=timeout)
        except queue.Empty:
            return None
