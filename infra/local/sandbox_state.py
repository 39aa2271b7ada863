"""What the sandbox FHIR server remembers: the requests that came, and the tokens that it gave."""

from __future__ import annotations

import base64
import secrets
import threading
import time
from collections import Counter
from typing import Any
from urllib.parse import unquote_plus

from sandbox_records import Query


class Ledger:
    """What came, for tests to read. Patients are named by their hashes only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        with self._lock:
            self._requests: Counter[str] = Counter()
            self._faults: Counter[str] = Counter()
            self._patients: dict[str, Counter[str]] = {}

    def request(self, what: str, fault: str | None) -> None:
        with self._lock:
            self._requests[what] += 1
            if fault:
                self._faults[fault] += 1

    def answered(self, who: str, search: str, found: int) -> None:
        """A search that was answered in full: how many it found in all."""
        with self._lock:
            patient = self._patients.setdefault(who, Counter())
            patient[f"{search}Searches"] += 1
            patient[f"{search}Found"] = found

    def describe(self) -> dict[str, Any]:
        with self._lock:
            patients = {who: dict(counts) for who, counts in self._patients.items()}
            return {"requests": dict(self._requests), "faults": dict(self._faults), "patients": patients}


class Tokens:
    """Who may search: everybody, who shows the token, or who shows one that was given for the client's secret."""

    def __init__(self, fixed: str | None, client_secret: str | None, expires_in: int) -> None:
        self._fixed, self._secret, self._expires_in = fixed, client_secret, expires_in
        self._given: dict[str, float] = {}

    def give(self, form: Query, authorization: str) -> dict[str, Any] | None:
        """A token for a client that shows the secret in either way that RFC 6749 knows."""
        shown = form.get("client_secret", [""])[0]
        if authorization.startswith("Basic "):
            shown = unquote_plus(base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")[2])
        if self._secret is None or shown != self._secret or form.get("grant_type") != ["client_credentials"]:
            return None
        token = secrets.token_urlsafe(16)
        self._given[token] = time.monotonic() + self._expires_in
        return {"access_token": token, "token_type": "Bearer", "expires_in": self._expires_in}

    def revoke(self) -> None:
        self._given.clear()

    def allow(self, authorization: str) -> bool:
        token = authorization.removeprefix("Bearer ")
        if self._secret is not None:
            return self._given.get(token, 0) > time.monotonic()
        return self._fixed is None or token == self._fixed
