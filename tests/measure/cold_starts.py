"""Measures the processor's time of a cold start of each function, and estimates its duration: `make cold-starts`.

A cold start has three parts. First the process starts and asks for an event, for which Lambda gives it a whole
processor. Then the first event opens connections to AWS, with the share of a processor that belongs to the function's
memory. The third part is the work that every event needs. The first part is measured with a runtime API that never
answers. The others are measured under Lambda's runtime interface emulator, with events that are real work, each of a
new import, and with TLS to AWS.

All of this is the processor's time, from which the duration by memory follows, without the time that a function waits
for AWS. The time by the clock is measured as well: from the start of the process to the first answer, and of a later
answer. The AWS emulator runs on the same machine and can be slower than AWS.

`warm` is an estimate for functions that open their connections before they ask for the first event.
"""

from __future__ import annotations

import json
import socket
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

import psutil

from local_stack.description import Stack
from local_stack.paths import BINARIES, binary_of
from local_stack.rie import process_environment, send, serving, variables
from local_stack.template import functions, load_template
from local_stack.tls import with_tls
from tests.api.client import Receiver
from tests.measure.processor import milliseconds
from tests.measure.quota import share_of
from tests.sam_local.real_events import RealEvents, check

MEMORIES = (128, 256, 512, 1024, 1769)
REPETITIONS = 7
START_SECONDS = 20
SETTLED_SECONDS = 0.1
#: Variables that Lambda sets for each function.
LAMBDA = {"AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512"}


@dataclass(frozen=True)
class ColdStart:
    """Milliseconds of a whole processor, by the parts of a cold start."""

    start: float
    first: float
    later: float
    #: Milliseconds by the clock, on this machine: from the start of the process to the first answer, and a later event.
    clock: float
    later_clock: float

    def answer(self, memory: int) -> float:
        """Returns the estimated milliseconds until the first answer of a function with this memory."""
        return self.start + self.first / share_of(memory)

    def warm_answer(self, memory: int) -> float:
        """Returns the same for a function that opens its connections at its start."""
        return self.start + (self.first - self.later) + self.later / share_of(memory)


def settled(pid: int) -> float:
    """Returns the processor's time of a process as soon as it stays the same."""
    before, now = -1.0, milliseconds(pid)
    while before != now:
        time.sleep(SETTLED_SECONDS)
        before, now = now, milliseconds(pid)
    return now


def start_time(function: str, environment: dict[str, str]) -> float:
    """Returns the processor's time of a process until it asks for an event, which it never gets."""
    with socket.create_server(("127.0.0.1", 0)) as runtime_api:
        address = f"127.0.0.1:{runtime_api.getsockname()[1]}"
        process = subprocess.Popen(
            [str(binary_of(function))],
            env=environment | LAMBDA | {"AWS_LAMBDA_RUNTIME_API": address, "AWS_LAMBDA_FUNCTION_NAME": function},
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


def measure(function: str, of_function: dict[str, str], events: RealEvents) -> ColdStart:
    """Returns the medians of several cold starts."""
    measured = []
    for _ in range(REPETITIONS):
        start = start_time(function, process_environment(of_function))
        with serving(function, of_function, quiet=True) as served:
            times, clock = [], []
            for _ in range(3):
                event = json.dumps(events.of(function)).encode()
                began = time.monotonic()
                answer = send(served.url, event)
                clock.append(1000 * (time.monotonic() - began))
                check(function, answer)
                (process,) = psutil.Process(served.emulator).children()
                times.append(settled(process.pid))
        measured.append((start, times[0] - start, times[2] - times[1], clock[0], clock[2]))
    return ColdStart(*(statistics.median(part) for part in zip(*measured, strict=True)))


def main() -> int:
    """Prints a line for each function."""
    stack = Stack.current()
    events = RealEvents(stack, Receiver().url)
    print(f"\nbinaries of {BINARIES}; ms of a whole processor, by the clock, to the first answer / the same, warm\n")
    print(f"  {'':<16} {'MB':>5} {'start':>7} {'first':>7} {'later':>7} {'clock: first':>13} {'later':>7}", end="")
    print("".join(f"{f'{memory} MB':>12}" for memory in MEMORIES))
    with with_tls(stack.endpoint) as at:
        for name, function in functions(load_template()).items():
            cold = measure(function, variables(name, stack.endpoint) | at, events)
            size = binary_of(function).stat().st_size / 1e6
            print(f"  {function:<16} {size:>5.1f} {cold.start:>7.1f} {cold.first:>7.1f} {cold.later:>7.1f}", end="")
            print(f" {cold.clock:>13.1f} {cold.later_clock:>7.1f}", end="")
            pairs = [f"{cold.answer(memory):.0f} / {cold.warm_answer(memory):.0f}" for memory in MEMORIES]
            print("".join(f"{pair:>12}" for pair in pairs), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
