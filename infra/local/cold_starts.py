"""How long a function takes from the start of its process to its first answer: `make cold-starts`.

Each function is started by Lambda's runtime interface emulator, with the processor's share that a memory setting
gives, and gets its event of `tests/events` twice. The first answer takes what a cold start takes beside Lambda's own
work; the second says how much of that was the event.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from deploy import functions, load_template
from paths import BINARIES, PROJECT
from processor import children_of, limited, share_of
from rie import serving, variables

MEMORIES = (128, 256, 512, 1024, 1769)
TRIES = 5
START_SECONDS = 20


def answer(url: str, event: bytes) -> float:
    """Sends an event; milliseconds until the answer, whatever it is."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        began = time.monotonic()
        try:
            with urllib.request.urlopen(url, data=event, timeout=60) as reply:
                reply.read()
        except urllib.error.HTTPError:
            pass
        except OSError:
            # The emulator does not listen yet.
            if began > deadline:
                raise
            time.sleep(0.02)
            continue
        return 1000 * (time.monotonic() - began)


def measure(binary: str, environment: dict[str, str], memory: int) -> tuple[float, float]:
    """Milliseconds to the first answer and to the second, each the middle one of some tries."""
    event = (PROJECT / "tests" / "events" / f"{binary}.json").read_bytes()
    first, second = [], []
    for _ in range(TRIES):
        with serving(binary, environment, quiet=True) as served:
            function = lambda emulator=served.emulator: children_of(emulator)  # noqa: E731
            with limited(function, share_of(memory), look_again=0.0):
                first.append(answer(served.url, event))
                second.append(answer(served.url, event))
    return statistics.median(first), statistics.median(second)


def main() -> int:
    stack = json.loads(Path(os.environ["STACK"]).read_text())
    print(f"\nms to the first answer / to the second, the middle of {TRIES} tries, by memory; binaries of {BINARIES}\n")
    print(f"  {'':<16} {'MB':>5}" + "".join(f"{f'{memory} MB':>14}" for memory in MEMORIES))
    for name, binary in functions(load_template()).items():
        environment = variables(name, stack["endpoint"]) | {"AWS_ENDPOINT_URL": stack["endpoint"]}
        size = (BINARIES / binary).stat().st_size / 1e6
        print(f"  {binary:<16} {size:>5.1f}", end="", flush=True)
        for memory in MEMORIES:
            first, second = measure(binary, environment, memory)
            print(f"{f'{first:.0f} / {second:.0f}':>14}", end="", flush=True)
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
