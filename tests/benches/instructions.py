"""Counts the processor's instructions of a fixed import, by part: `make instructions`. Needs `valgrind`.

A time depends on the machine and its load, but this count depends on the code only. `import.instructions` beside this
file has the expected counts for each number of rows, and `--update` replaces them. A part that differs by more than 1%
is an error.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ON_FILE = HERE / "import.instructions"
ROWS = (2_000, 20_000)
#: The largest share by which a count may differ from the expected one. Two runs of one program differ by 0.1%.
TOLERANCE = 0.01
BUILD = "cargo bench -p tests --no-default-features --bench import --no-run --message-format json".split()
#: The parts, each with a pattern for the function of the benchmark that contains the whole part.
PARTS = {
    part: re.compile(rf"^\s*([\d,]+).*:import::drive::Account::{function} ")
    for part, function in {
        "everything": "import",
        "fan-out": "fan_out",
        "import-rows": "import_rows",
        "finalize": "finalize",
    }.items()
}


def executable() -> str:
    """Builds the benchmark with the names of its functions, and returns its path."""
    environment = os.environ | {"CARGO_PROFILE_BENCH_STRIP": "none", "CARGO_PROFILE_BENCH_DEBUG": "1"}
    output = subprocess.run(BUILD, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    messages = [json.loads(line) for line in output.splitlines()]
    return next(str(message["executable"]) for message in messages if message.get("executable"))


def count(program: str, rows: int) -> dict[str, float]:
    """Returns the instructions of each part for a row, including those of the functions that it calls."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind.out"
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", program, "once", str(rows)]
        subprocess.run(command, check=True, capture_output=True)
        table = subprocess.run(
            ["callgrind_annotate", "--inclusive=yes", "--threshold=100", str(out)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    counts = {}
    for part, pattern in PARTS.items():
        found = [int(match[1].replace(",", "")) for match in map(pattern.match, table.splitlines()) if match]
        if not found:
            raise SystemExit(f"callgrind has seen no function of {part!r}")
        counts[part] = max(found) / rows
    return counts


def change(now: float, then: float) -> float:
    """Returns the share by which a count differs from the expected one, which is 1 if none is expected."""
    return now / then - 1 if then else 1.0


def main() -> int:
    """Counts, prints a table, and returns 1 if a count differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--update", action="store_true", help="replace the expected counts by these")
    arguments = parser.parse_args()
    if not shutil.which("callgrind_annotate"):
        print("valgrind is not installed (Debian: `apt-get install valgrind`)", file=sys.stderr)
        return 2
    program = executable()
    on_file = json.loads(ON_FILE.read_text()) if ON_FILE.exists() else {}
    counts, changed = {}, []
    print(f"\ninstructions for a row  {'':<16}{'counted':>10}{'expected':>12}")
    for rows in ROWS:
        counts[str(rows)] = found = {part: round(value) for part, value in count(program, rows).items()}
        print(f"  of {rows:,}")
        for part, now in found.items():
            then = on_file.get(str(rows), {}).get(part, 0)
            print(f"    {part:<34}{now:>12,}{then:>12,}  {change(now, then):+.1%}", flush=True)
            if abs(change(now, then)) > TOLERANCE:
                changed.append(f"{part} of {rows:,} rows")
    if arguments.update:
        ON_FILE.write_text(json.dumps(counts, indent=2) + "\n")
    elif changed:
        print(f"\nDifferent by more than {TOLERANCE:.0%}: {', '.join(changed)}.")
        print("If that is intended: `make instructions UPDATE=1`")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
