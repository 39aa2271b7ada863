"""Counts the processor's instructions of a fixed import, by part: `make instructions`. Needs `valgrind`.

A time changes with the machine and its mood; this figure changes with the code. `import.instructions` beside this
file has the counts of the last change that was meant; `--update` writes it anew.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ON_FILE = HERE / "import.instructions"
ROWS = (2_000, 20_000)
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--update", action="store_true", help="these counts are the ones to compare with from now on")
    arguments = parser.parse_args()
    program = executable()
    counts = {rows: count(program, rows) for rows in ROWS}
    before = json.loads(ON_FILE.read_text()) if ON_FILE.exists() else {}
    print(f"\ninstructions for a row  {'':<4}" + "".join(f"{f'{rows:,} rows':>14}" for rows in ROWS) + f"{'before':>14}")
    for part in PARTS:
        now, then = counts[ROWS[0]][part], before.get(part)
        change = f"{then:>14,.0f}  {100 * (now / then - 1):+.1f}%" if then else f"{'-':>14}"
        print(f"  {part:<26}" + "".join(f"{counts[rows][part]:>14,.0f}" for rows in ROWS) + change)
    if arguments.update:
        ON_FILE.write_text(json.dumps({part: round(value) for part, value in counts[ROWS[0]].items()}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
