"""What processes of a local stack use of the processor (Linux only)."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


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
