"""Lets processes have only a share of a processor, as Lambda does (Linux only).

Lambda gives a function as much of a processor as it has memory, one whole at 1,769 MB: in every 20 ms it may compute
for its share of them; what waits uses nothing up. A control group for each process does the same, where this machine
lets us make them (root, and the controller `cpu`). Elsewhere the process is stopped for the rest of every 20 ms,
whether it has computed or not, which is harder on functions that wait.
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
LOOK_AGAIN_SECONDS = 0.1
#: Where control groups are made: version 1, version 2.
PARENTS = (Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup"))
#: Linux takes no quota below a millisecond.
LEAST_MICROSECONDS = 1000

Processes = Callable[[], list[int]]


def share_of(memory_mb: int) -> float:
    """The share of a processor that a function with this memory has."""
    return min(1.0, memory_mb / WHOLE_MB)


def set_quota(group: Path, share: float) -> None:
    """Has a control group's processes compute for a share of every period; `OSError` where that cannot be."""
    period = round(PERIOD_SECONDS * 1e6)
    quota = max(round(period * share), LEAST_MICROSECONDS)
    if (group / "cpu.max").exists():
        (group / "cpu.max").write_text(f"{quota} {period}")
    else:
        (group / "cpu.cfs_period_us").write_text(str(period))
        (group / "cpu.cfs_quota_us").write_text(str(quota))


def groups_parent() -> Path | None:
    """Where this machine lets us make control groups with a quota; None if nowhere."""
    for parent in PARENTS:
        group = parent / f"quota-{os.getpid()}"
        with contextlib.suppress(OSError):
            group.mkdir()
            try:
                set_quota(group, 1.0)
                return parent
            finally:
                group.rmdir()
    return None


@contextlib.contextmanager
def limited(processes: Processes, share: float) -> Iterator[str]:
    """Lets each of these processes have a share of a processor only. They are looked for again and again. Gives a word
    for how that is done."""
    if share >= 1.0:
        yield "not limited"
        return
    over = threading.Event()
    if parent := groups_parent():
        way, target, arguments = "held by control groups", _keep_in_groups, (processes, share, over, parent)
    else:
        way, target, arguments = "stopped and continued", _keep_stopping, (processes, share, over)
    keeper = threading.Thread(target=target, args=arguments, daemon=True)
    keeper.start()
    try:
        yield way
    finally:
        over.set()
        keeper.join()


def _keep_in_groups(processes: Processes, share: float, over: threading.Event, parent: Path) -> None:
    groups: dict[int, Path] = {}
    try:
        while not over.wait(LOOK_AGAIN_SECONDS):
            for process in processes():
                if process not in groups:
                    groups[process] = group = parent / f"quota-{os.getpid()}-{process}"
                    group.mkdir()
                    set_quota(group, share)
                    _move(process, group)
    finally:
        for process, group in groups.items():
            _move(process, parent)
            group.rmdir()


def _move(process: int, group: Path) -> None:
    # It may have ended by now.
    with contextlib.suppress(ProcessLookupError):
        (group / "cgroup.procs").write_text(str(process))


def _keep_stopping(processes: Processes, share: float, over: threading.Event) -> None:
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
