"""The faults that the sandbox injects on request.

A hash of the seed, the request and its repetition decides a fault. So the same requests meet the same faults, in
any order and on any number of connections, and a retry can succeed.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

from tests.sandbox.records import Query, fraction

#: What can go wrong, each with a probability.
KINDS = {
    "slow": "answers after --slow-seconds",
    "timeout": "answers nothing for --timeout-seconds, then closes the connection",
    "429": "too many requests, with Retry-After: --retry-after",
    "500": "an internal error",
    "503": "unavailable, with Retry-After as a time, --retry-after from now",
    "401": "the token is refused",
    "reset": "closes the connection in the middle of the answer",
    "malformed": "JSON that ends too soon",
    "html": "a page of HTML, as a proxy on the way would answer",
    "huge": "an answer of 64 MiB",
    "gone": "404, as for something that was deleted",
    "mislabeled": "an answer of another format than its media type says",
    "incomplete": "a correct answer, with a warning that not all sources have answered",
    "endless": "there is always another page; the content of a document never ends",
    "loop": "the next page is this page; a content redirects to itself",
    "foreign": "the next page is on another server; a content redirects to one",
}
#: The numbers that the faults refer to, with their defaults.
NUMBERS = {"slow-seconds": 1.0, "timeout-seconds": 60.0, "retry-after": 1.0, "seed": 1.0}


@dataclass
class Faults:
    """The probability of each fault. It is replaced as a whole while the server runs."""

    probabilities: dict[str, float] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=lambda: dict(NUMBERS))

    @classmethod
    def of(cls, query: Query) -> Faults:
        """Parses `429=0.1&retry-after=2&seed=7`. Raises `ValueError` for any other name or number."""
        faults = cls()
        for name, values in query.items():
            number = float(values[-1])
            if name in KINDS and 0 <= number <= 1:
                faults.probabilities[name] = number
            elif name in NUMBERS and number >= 0:
                faults.numbers[name] = number
            else:
                raise ValueError(f"{name}: no such fault or number, or not a probability")
        if sum(faults.probabilities.values()) > 1 + 1e-9:
            raise ValueError("the probabilities add up to more than 1")
        return faults

    def describe(self) -> dict[str, float]:
        """Returns all probabilities and numbers."""
        return self.probabilities | self.numbers


class FaultPlan:
    """Decides which request meets which fault."""

    def __init__(self, faults: Faults) -> None:
        self._lock = threading.Lock()
        self._received: Counter[str] = Counter()
        self.faults = faults

    def replace(self, faults: Faults) -> None:
        """Replaces the faults and clears the list of received requests."""
        with self._lock:
            self.faults = faults
            self._received.clear()

    def draw(self, request: str) -> str | None:
        """Returns the fault that this request meets, if any. `request` is a name without data of patients."""
        with self._lock:
            self._received[request] += 1
            faults, repetition = self.faults, self._received[request]
        point = fraction(f"{faults.numbers['seed']} {repetition} {request}")
        for kind, probability in faults.probabilities.items():
            if point < probability:
                return kind
            point -= probability
        return None
