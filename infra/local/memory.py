"""Prints the peak memory of each function of a local stack since its process started (Linux only)."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from deploy import functions, load_template


def peaks(temporary: str) -> dict[str, int]:
    """The highest resident set, in KiB, of the processes of each function; by the function's name in AWS."""
    found: dict[str, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes().decode(errors="replace").split("\0")
            status = (folder / "status").read_text()
        except OSError:
            continue
        variables = dict(entry.split("=", 1) for entry in environment if "=" in entry)
        name = variables.get("AWS_LAMBDA_FUNCTION_NAME")
        line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), None)
        if name and line and variables.get("TMPDIR") == temporary:
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
