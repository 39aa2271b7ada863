"""The memory of the sandbox: the requests that it received, and the tokens that it issued."""

from __future__ import annotations

import base64
import secrets
import threading
import time
from collections import Counter
from typing import Any
from urllib.parse import unquote_plus

from tests.sandbox.records import Query


class Ledger:
    """Counts of requests, for tests to read. Patients are named by their hashes only."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Sets all counts to zero."""
        with self._lock:
            self._requests: Counter[str] = Counter()
            self._faults: Counter[str] = Counter()
            self._patients: dict[str, Counter[str]] = {}

    def request(self, kind: str, fault: str | None) -> None:
        """Counts a request, and the fault that it met."""
        with self._lock:
            self._requests[kind] += 1
            if fault:
                self._faults[fault] += 1

    def answered(self, patient_hash: str, search: str, found: int) -> None:
        """Counts a search after its last page, and remembers how many resources it found in all."""
        with self._lock:
            patient = self._patients.setdefault(patient_hash, Counter())
            patient[f"{search}Searches"] += 1
            patient[f"{search}Found"] = found

    def describe(self) -> dict[str, Any]:
        """Returns all counts since the last reset."""
        with self._lock:
            patients = {patient: dict(counts) for patient, counts in self._patients.items()}
            return {"requests": dict(self._requests), "faults": dict(self._faults), "patients": patients}


class Tokens:
    """Decides which requests may search: all, those with a fixed token, or those with a token issued for a secret."""

    def __init__(self, fixed: str | None, client_secret: str | None, expires_in: int) -> None:
        self._fixed, self._secret, self._expires_in = fixed, client_secret, expires_in
        self._issued: dict[str, float] = {}

    def issue(self, form: Query, authorization: str) -> dict[str, Any] | None:
        """Returns a token for a client that sends the secret in one of the two ways of RFC 6749, section 2.3.1."""
        sent = form.get("client_secret", [""])[0]
        if authorization.startswith("Basic "):
            sent = unquote_plus(base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")[2])
        if self._secret is None or sent != self._secret or form.get("grant_type") != ["client_credentials"]:
            return None
        token = secrets.token_urlsafe(16)
        self._issued[token] = time.monotonic() + self._expires_in
        return {"access_token": token, "token_type": "Bearer", "expires_in": self._expires_in}

    def revoke(self) -> None:
        """Makes all issued tokens invalid."""
        self._issued.clear()

    def allow(self, authorization: str) -> bool:
        """Returns whether a request with this `Authorization` may search."""
        token = authorization.removeprefix("Bearer ")
        if self._secret is not None:
            return self._issued.get(token, 0) > time.monotonic()
        return self._fixed is None or token == self._fixed
