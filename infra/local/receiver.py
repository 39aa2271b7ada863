"""A webhook receiver on loopback that checks both signatures of every message."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import queue
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    """A message as it arrived."""

    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        return json.loads(self.body)

    def is_signed_with(self, key: str) -> bool:
        """Whether both signatures hold: ours over the body, and the one of Standard Webhooks."""
        ours = hmac.new(key.encode(), self.body, hashlib.sha256).hexdigest()
        secret = base64.b64decode(key.removeprefix("whsec_"))
        signed = f"{self.headers.get('webhook-id')}.{self.headers.get('webhook-timestamp')}.".encode() + self.body
        standard = "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
        # One signature for each key that is valid.
        standards = self.headers.get("webhook-signature", "").split(" ")
        return hmac.compare_digest(self.headers.get("x-metriport-signature", ""), ours) and any(
            hmac.compare_digest(signature, standard) for signature in standards
        )


class Receiver:
    """Listens on a free loopback port and keeps what arrives in a queue."""

    def __init__(self) -> None:
        arrived: queue.Queue[Received] = queue.Queue()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                message = Received({name.lower(): value for name, value in self.headers.items()}, body)
                answer: dict[str, Any] = {}
                if "ping" in (content := json.loads(body)):
                    answer = {"pong": content["ping"]}
                else:
                    arrived.put(message)
                payload = json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(payload)))
                self.end_headers()
                self.wfile.write(payload)

            def log_message(self, *_: object) -> None:
                """The messages are printed by whoever takes them out of the queue."""

        self.arrived = arrived
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/webhook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, timeout: float) -> Received | None:
        """The next message, or None if none comes in time."""
        try:
            return self.arrived.get(timeout=timeout)
        except queue.Empty:
            return None
