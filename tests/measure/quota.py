"""Limits processes to a share of a processor, as Lambda does (Linux only).

Lambda gives a function a share of a processor in proportion to its memory, and a whole one at 1,769 MB. In every 20 ms
a function may compute for its share of them, and waiting uses nothing of it. A control group for each process has the
same effect, if this process may make control groups: as root, with the controller `cpu`. Otherwise each process is
stopped for the rest of every 20 ms, also when it has only waited, which slows functions that wait.

Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
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
POLL_SECONDS = 0.1
#: The folders of control groups in version 1 and version 2.
PARENTS = (Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup"))
#: Linux accepts no quota below 1 ms.
LEAST_MICROSECONDS = 1000

Processes = Callable[[], list[int]]


def share_of(memory_mb: int) -> float:
    """Returns the share of a processor that a function with this memory has."""
    return min(1.0, memory_mb / WHOLE_MB)


def set_quota(group: Path, share: float) -> None:
    """Limits the processes of a control group to a share of each period. Raises `OSError` if that is not possible."""
    period = round(PERIOD_SECONDS * 1e6)
    quota = max(round(period * share), LEAST_MICROSECONDS)
    if (group / "cpu.max").exists():
        (group / "cpu.max").write_text(f"{quota} {period}")
    else:
        (group / "cpu.cfs_period_us").write_text(str(period))
        (group / "cpu.cfs_quota_us").write_text(str(quota))


def groups_parent() -> Path | None:
    """Returns the folder in which this process may make control groups with a quota, or None if there is none."""
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
    """Limits each of these processes to a share of a processor, also those that start later.

    Yields a description of how the processes are limited.
    """
    if share >= 1.0:
        yield "not limited"
        return
    over = threading.Event()
    if parent := groups_parent():
        way, keep = "limited by control groups", lambda: _keep_in_groups(processes, share, over, parent)
    else:
        way, keep = "stopped and continued", lambda: _keep_stopping(processes, share, over)
    keeper = threading.Thread(target=keep, daemon=True)
    keeper.start()
    try:
        yield way
    finally:
        over.set()
        keeper.join()


def _keep_in_groups(processes: Processes, share: float, over: threading.Event, parent: Path) -> None:
    groups: dict[int, Path] = {}
    try:
        while not over.wait(POLL_SECONDS):
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
    # The process may have ended by now.
    with contextlib.suppress(ProcessLookupError):
        (group / "cgroup.procs").write_text(str(process))


def _keep_stopping(processes: Processes, share: float, over: threading.Event) -> None:
    found: list[int] = []
    looked = float("-inf")
    while not over.is_set():
        began = time.monotonic()
        if began - looked > POLL_SECONDS:
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
