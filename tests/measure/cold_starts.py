"""What a cold start of each function takes of the processor, and so of time with each memory: `make cold-starts`.

A cold start has three parts: the process starts and asks for an event (Lambda gives it a whole processor for that),
the first event, which finds no connection to AWS open (a share of a processor, by memory), and what any event takes.
The first is measured by a runtime API that never answers, the others by Lambda's runtime interface emulator, with
events that are real work, each of a new import, and AWS at the other end of TLS. These are the processor's times,
from which the time by memory follows; waiting for AWS is not in it. The time on the clock until the emulator gives
the first answer, and a later one, is measured, too: its AWS is on the same machine, and may be slower than AWS.

`warm` is what would be if connections were opened before a function asks for its first event.
"""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from deploy import functions, load_template
from paths import BINARIES
from processor import children_of, milliseconds
from quota import share_of
from real_events import RealEvents, check
from receiver import Receiver
from rie import around, serving, variables
from tls import with_tls

MEMORIES = (128, 256, 512, 1024, 1769)
TRIES = 7
START_SECONDS = 20
SETTLED_SECONDS = 0.1
#: What Lambda tells a function about itself.
LAMBDA = {"AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512"}


@dataclass(frozen=True)
class ColdStart:
    """Milliseconds of a whole processor."""

    start: float
    first: float
    later: float
    #: By the clock, with this machine's AWS: from the process's start to the first answer; a later event.
    clock: float
    later_clock: float

    def answer(self, memory: int) -> float:
        """Until the first answer."""
        return self.start + self.first / share_of(memory)

    def warm_answer(self, memory: int) -> float:
        """The same, if connections were opened at the start."""
        return self.start + (self.first - self.later) + self.later / share_of(memory)


def settled(process: int) -> float:
    """The processor's time of a process that has come to rest."""
    before, now = -1.0, milliseconds(process)
    while before != now:
        time.sleep(SETTLED_SECONDS)
        before, now = now, milliseconds(process)
    return now


def start_time(binary: str, environment: dict[str, str]) -> float:
    """What the process takes until it asks for an event, which it never gets."""
    with socket.create_server(("127.0.0.1", 0)) as runtime_api:
        address = "127.0.0.1:{}".format(runtime_api.getsockname()[1])
        process = subprocess.Popen(
            [str(BINARIES / binary)],
            env=environment | LAMBDA | {"AWS_LAMBDA_RUNTIME_API": address, "AWS_LAMBDA_FUNCTION_NAME": binary},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            runtime_api.settimeout(START_SECONDS)
            connection, _ = runtime_api.accept()
            with connection:
                return settled(process.pid)
        finally:
            process.kill()
            process.wait()


def send(url: str, event: bytes) -> tuple[bytes, float]:
    """Sends an event; gives the answer, and the milliseconds until it came."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        began = time.monotonic()
        try:
            with urllib.request.urlopen(url, data=event, timeout=60) as reply:
                return reply.read(), 1000 * (time.monotonic() - began)
        except urllib.error.HTTPError as error:
            return error.read(), 1000 * (time.monotonic() - began)
        except OSError:
            # The emulator does not listen yet.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)


def measure(binary: str, environment: dict[str, str], events: RealEvents) -> ColdStart:
    """The middle one of some tries."""
    tries = []
    for _ in range(TRIES):
        start = start_time(binary, around(environment))
        with serving(binary, environment, quiet=True) as served:
            times, clock = [], []
            for _ in range(3):
                event = json.dumps(events.of(binary)).encode()
                answer, milliseconds_taken = send(served.url, event)
                check(binary, answer)
                (function,) = children_of(served.emulator)
                times.append(settled(function))
                clock.append(milliseconds_taken)
        tries.append((start, times[0] - start, times[2] - times[1], clock[0], clock[2]))
    return ColdStart(*(statistics.median(one) for one in zip(*tries, strict=True)))


def main() -> int:
    description = Path(os.environ["STACK"])
    stack = json.loads(description.read_text())
    events = RealEvents(stack, Receiver().url, description.parent)
    print(f"\nbinaries of {BINARIES}; ms of a whole processor, by the clock, to the first answer / the same, warm\n")
    print(f"  {'':<16} {'MB':>5} {'start':>7} {'first':>7} {'later':>7} {'clock: first':>13} {'later':>7}", end="")
    print("".join(f"{f'{memory} MB':>12}" for memory in MEMORIES))
    with with_tls(stack["endpoint"]) as at:
        for name, binary in functions(load_template()).items():
            cold = measure(binary, variables(name, stack["endpoint"]) | at, events)
            size = (BINARIES / binary).stat().st_size / 1e6
            print(f"  {binary:<16} {size:>5.1f} {cold.start:>7.1f} {cold.first:>7.1f} {cold.later:>7.1f}", end="")
            print(f" {cold.clock:>13.1f} {cold.later_clock:>7.1f}", end="")
            pairs = [f"{cold.answer(memory):.0f} / {cold.warm_answer(memory):.0f}" for memory in MEMORIES]
            print("".join(f"{pair:>12}" for pair in pairs), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
