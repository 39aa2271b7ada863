"""Prints the peak memory of each function of a local stack since its process started (Linux only)."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from deploy import functions, load_template
from processor import functions_of


def peaks(temporary: str) -> dict[str, int]:
    """The highest resident set, in KiB, of the processes of each function; by the function's name in AWS."""
    found: dict[str, int] = {}
    for process, name in functions_of(temporary).items():
        try:
            status = Path(f"/proc/{process}/status").read_text()
        except OSError:
            continue
        if line := next((line for line in status.splitlines() if line.startswith("VmHWM:")), None):
            found[name] = max(found.get(name, 0), int(line.split()[1]))
    return found


def main() -> int:
    description = Path(os.environ["STACK"])
    measured = peaks(str(description.parent / "tmp"))
    stack = json.loads(description.read_text())["outputs"]["DirectoryTable"].rsplit("-Directory-", 1)[0]
    print("\npeak memory of a function's process, MiB")
    for name, binary in functions(load_template()).items():
        values = [peak for full, peak in measured.items() if full.startswith(f"{stack}-{name}-")]
        print(f"  {binary:<16} {max(values) / 1024:6.1f}" if values else f"  {binary:<16} did not run")
    return 0


if __name__ == "__main__":
    sys.exit(main())
