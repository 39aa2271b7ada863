"""Keeps the services of one stack running, collects the functions' logs, and stops everything together.

`lifecycle.py` starts this program and keeps a pipe to its standard input. The pipe closes when the starter ends, also
when it is killed. Then the stack stops, unless the starter has written a byte before. If this process is killed, Linux
kills the services with it (`PR_SET_PDEATHSIG`), and the functions end by themselves when the emulator is gone.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from local_stack.aws import client
from local_stack.logs import LogCollector
from local_stack.paths import StackFiles
from local_stack.processes import Child, stop_group
from local_stack.services import Service

LOG_POLL_SECONDS = 1.0
LOG_READ_SECONDS = 3
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Stop(BaseException):
    """A signal asks for the end. Not an `Exception`, so that code that retries after those does not catch it."""


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Ends the block when a signal asks for it, and lets no further signal interrupt what follows."""

    def stop(_signal: int, _frame: object) -> None:
        raise Stop

    for sign in SIGNALS:
        signal.signal(sign, stop)
    try:
        yield
    except Stop:
        pass
    finally:
        for sign in SIGNALS:
            signal.signal(sign, signal.SIG_IGN)


def watch(children: list[Child], collector: LogCollector) -> None:
    """Returns when a service has ended, or when the starter has ended without having asked to keep the stack."""
    starter_needed = True
    while all(child.poll() is None for child in children):
        collector.collect()
        deadline = time.monotonic() + LOG_POLL_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            if not starter_needed:
                time.sleep(left)
            elif select.select([sys.stdin], [], [], left)[0]:
                if not os.read(sys.stdin.fileno(), 1):
                    return
                starter_needed = False


def main() -> None:
    """Runs the services that the second argument describes for the stack that the first one names."""
    files, services = StackFiles(sys.argv[1]), [Service(**service) for service in json.loads(sys.argv[2])]
    collector = LogCollector(files, client("logs", services[0].url, LOG_READ_SECONDS))
    children: list[Child] = []
    with stopped_by_signals():
        # One by one, so that a signal in between finds those that have been started.
        for service in services:
            child = service.start(files)
            children.append(child)
        watch(children, collector)
    if children and children[0].poll() is None:
        collector.collect()
    for child in children:
        stop_group(child)
    shutil.rmtree(files.temporary, ignore_errors=True)
    files.description.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
