"""What processes of a local stack use of the processor, and how to let them have only a share of it (Linux only).

Lambda gives a function as much of a processor as it has memory: one whole at 1,769 MB. Here a process is stopped for
a part of every 20 ms, which is the period that Lambda's own limit is known to have.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

WHOLE_MB = 1769
PERIOD_SECONDS = 0.020
LOOK_AGAIN_SECONDS = 0.2


def share_of(memory_mb: int) -> float:
    """The share of a processor that a function with this memory has."""
    return min(1.0, memory_mb / WHOLE_MB)


def variables(process: Path) -> dict[str, str]:
    """The environment of a process, a folder of /proc; empty if it is gone."""
    try:
        entries = (process / "environ").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return {}
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def functions_of(temporary: str) -> dict[int, str]:
    """The processes of a stack's functions, with the function's name in AWS."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        of_process = variables(process)
        if of_process.get("TMPDIR") == temporary and (name := of_process.get("AWS_LAMBDA_FUNCTION_NAME")):
            found[int(process.name)] = name
    return found


def milliseconds(process: int) -> float:
    """The processor's time that the threads of a process have had."""
    total = 0
    for task in Path(f"/proc/{process}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):
            total += int(task.read_text().split()[0])
    return total / 1e6


def children_of(parent: int) -> list[int]:
    """The child processes of a process, of any of its threads."""
    found = []
    for task in Path(f"/proc/{parent}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(child) for child in task.read_text().split()]
    return found


@contextlib.contextmanager
def limited(processes: Callable[[], list[int]], share: float) -> Iterator[None]:
    """Lets each of these processes run for a share of the time only. They are looked for again and again."""
    over = threading.Event()
    keeper = threading.Thread(target=_keep, args=(processes, share, over), daemon=True)
    if share < 1.0:
        keeper.start()
    try:
        yield
    finally:
        over.set()
        if share < 1.0:
            keeper.join()


def _keep(processes: Callable[[], list[int]], share: float, over: threading.Event) -> None:
    found: list[int] = []
    looked = float("-inf")
    while not over.is_set():
        began = time.monotonic()
        if began - looked > LOOK_AGAIN_SECONDS:
            found, looked = processes(), began
        _sleep_until(began + PERIOD_SECONDS * share)
        _signal(found, signal.SIGSTOP)
        _sleep_until(began + PERIOD_SECONDS)
        _signal(found, signal.SIGCONT)


def _signal(processes: list[int], sign: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, sign)


def _sleep_until(deadline: float) -> None:
    if (left := deadline - time.monotonic()) > 0:
        time.sleep(left)
