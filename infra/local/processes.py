"""Processes that do not outlive the one that started them, and telling ours from others."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Asks Linux to kill this process when its parent dies; elsewhere the process group has to do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def commands(*, process: int | None = None, group: int | None = None) -> list[str]:
    """The command lines of a process, or of everything in a process group; none if there is no such thing."""
    return [
        command
        for pid, pgid, command in (_from_proc() if Path("/proc/self/stat").exists() else _from_ps())
        if process in (None, pid) and group in (None, pgid)
    ]


def _from_proc() -> Iterator[tuple[int, int, str]]:
    """Id, group and command line of every process, on Linux: small containers have no `ps`."""
    for folder in Path("/proc").glob("[0-9]*"):
        # A process can end between one line and the next.
        with contextlib.suppress(OSError):
            # After the name, which may hold anything: state, parent, group.
            state, _, group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            if state != "Z":
                yield int(folder.name), int(group), command


def _from_ps() -> Iterator[tuple[int, int, str]]:
    """The same elsewhere."""
    listing = ["ps", "-A", "-ww", "-o", "pid=,pgid=,command="]
    for line in subprocess.run(listing, capture_output=True, text=True, check=True).stdout.splitlines():
        pid, group, command = (*line.split(maxsplit=2), "")[:3]
        yield int(pid), int(group), command


def end_process(pid: int, mark: str, patience: float) -> None:
    """Asks a process to end and waits until it has; does nothing if the id belongs to another program by now.

    A process is ours if `mark` is in its command line: ids on file may be from before a restart of the machine.
    """
    if not any(mark in command for command in commands(process=pid)):
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and alive(pid):
        time.sleep(0.05)


def kill_group(group: int, *marks: str) -> None:
    """Kills a process group if one of the marks is in the command line of one of its processes."""
    if any(mark in command for mark in marks for command in commands(group=group)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


def alive(pid: int) -> bool:
    """Whether there is a process of that id; collects it if it was our child and has ended."""
    with contextlib.suppress(ChildProcessError):
        if os.waitpid(pid, os.WNOHANG)[0] == pid:
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
