"""Counts the processor's instructions of a fixed import, by part: `make instructions`. Needs `valgrind`.

A time changes with the machine and its mood; this figure changes with the code. `import.instructions` beside this
file has the counts of the last change that was meant, for each number of rows; `--update` writes it anew. A part that
is off by more than 1% is an error.
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
#: How far a count may be off, as a share of the one on file; two runs of the same program differ by a tenth of it.
TOLERANCE = 0.01
BUILD = "cargo bench -p tests --no-default-features --bench import --no-run --message-format json".split()
#: The parts, by the function of the benchmark that all of a part happens in.
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
    """Builds the benchmark, with the names of its functions, and says where it is."""
    environment = os.environ | {"CARGO_PROFILE_BENCH_STRIP": "none", "CARGO_PROFILE_BENCH_DEBUG": "1"}
    output = subprocess.run(BUILD, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    made = [json.loads(line) for line in output.splitlines()]
    return next(one["executable"] for one in made if one.get("executable"))


def count(program: str, rows: int) -> dict[str, float]:
    """Instructions of each part for a row, those of what it calls included."""
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
            raise SystemExit(f"no function of {part!r} in what callgrind saw")
        counts[part] = max(found) / rows
    return counts


def change(now: float, then: float) -> float:
    """By which share of it a count differs from the one on file; everything where there is none."""
    return now / then - 1 if then else 1.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--update", action="store_true", help="these counts are the ones to compare with from now on")
    arguments = parser.parse_args()
    if not shutil.which("callgrind_annotate"):
        print("valgrind is not installed (Debian: `apt-get install valgrind`)", file=sys.stderr)
        return 2
    program = executable()
    on_file = json.loads(ON_FILE.read_text()) if ON_FILE.exists() else {}
    counts, changed = {}, []
    print(f"\ninstructions for a row  {'':<16}{'now':>10}{'on file':>12}")
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
        print(f"\nOff by more than {TOLERANCE:.0%}: {', '.join(changed)}. Is it meant? `make instructions UPDATE=1`")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
