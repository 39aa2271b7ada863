"""Prints the peak memory of each function after an import: `make memory ROWS=1000` (Linux only)."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from local_stack.description import Stack
from local_stack.template import functions, load_template
from tests.api.client import upload
from tests.measure.imports import Importer, write_sample
from tests.measure.processor import functions_of

#: The peak of the resident set, which psutil does not know.
PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


def peaks(stack: Stack) -> dict[str, int]:
    """Returns the highest peak of the processes of each function in KiB, by the function's name in AWS."""
    found: dict[str, int] = {}
    for process, name in functions_of(stack):
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            continue
        if peak := PEAK.search(status):
            found[name] = max(found.get(name, 0), int(peak[1]))
    return found


def main() -> int:
    """Imports a sample and prints a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1000)
    stack, rows = Stack.current(), parser.parse_args().rows
    importer = Importer(stack)
    upload(importer.create_job(), write_sample(stack, rows))
    importer.wait_for_end()
    measured = peaks(stack)
    print(f"\npeak memory of a function's process after {rows:,} rows, MiB")
    for name, function in functions(load_template()).items():
        values = [peak for full, peak in measured.items() if full.startswith(f"{stack.resource_prefix}-{name}-")]
        print(f"  {function:<16} {max(values) / 1024:6.1f}" if values else f"  {function:<16} did not run")
    return 0


if __name__ == "__main__":
    sys.exit(main())
