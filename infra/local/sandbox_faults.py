"""How the sandbox FHIR server misbehaves when it is told to.

A fault is decided by a hash of the seed, the request and how often that request has come: the same requests meet
the same faults, in whatever order and on however many connections they come, and a retry can succeed.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

from sandbox_records import Query, fraction

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
    "html": "a page for people, as a proxy on the way would answer",
    "huge": "an answer of 64 MiB",
    "incomplete": "a right answer, with a warning that not all sources have answered",
    "endless": "there is always another page",
    "loop": "the next page is this page",
    "foreign": "the next page is on another server",
}
#: Numbers that belong to them, with what they are unless set.
NUMBERS = {"slow-seconds": 1.0, "timeout-seconds": 60.0, "retry-after": 1.0, "seed": 1.0}


@dataclass
class Faults:
    """Which faults happen how often. Changed as a whole while the server runs."""

    probabilities: dict[str, float] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=lambda: dict(NUMBERS))

    @classmethod
    def of(cls, query: Query) -> Faults:
        """Reads `429=0.1&retry-after=2&seed=7`."""
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
        return self.probabilities | self.numbers


class Chance:
    """Decides which request meets which fault."""

    def __init__(self, faults: Faults) -> None:
        self._lock = threading.Lock()
        self._came: Counter[str] = Counter()
        self.faults = faults

    def set(self, faults: Faults) -> None:
        """Changes the faults and forgets which requests have come."""
        with self._lock:
            self.faults = faults
            self._came.clear()

    def draw(self, request: str) -> str | None:
        """The fault that this request meets, if any; `request` names it without saying what it searches for."""
        with self._lock:
            self._came[request] += 1
            faults, time = self.faults, self._came[request]
        place = fraction(f"{faults.numbers['seed']} {time} {request}")
        for kind, probability in faults.probabilities.items():
            if place < probability:
                return kind
            place -= probability
        return None
