"""Compares `bulk check` with what a user could write in an afternoon: `make compare ROWS=100000`.

All programs check the same file as whole processes, one at a time, in turns. The least processor time of each counts,
because a disturbance only adds to it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.compare import sample
from tests.compare.programs import BULK, Program, ProgramError, Run, others, run

ROUNDS = 3


def measure(programs: list[Program], file: Path, folder: Path) -> dict[str, Run]:
    """Returns the run of each program with the least processor time, by the program's name."""
    best: dict[str, Run] = {}
    for number in range(1, ROUNDS + 1):
        for program in programs:
            say(f"round {number} of {ROUNDS}: {program.name}")
            now = run(program, file, folder / "result.csv")
            best[program.name] = min(best.get(program.name, now), now, key=lambda one: one.processor_seconds)
    say("")
    return best


def say(text: str) -> None:
    """Replaces the progress line on a terminal, and prints a line anywhere else."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)


def table(runs: dict[str, Run]) -> list[str]:
    """Returns the lines of the table, each with its ratios to `bulk check`."""
    bulk = runs[BULK.name]
    lines = [f"{'':<22}{'processor':>12}{'':>8}{'peak memory':>14}{'':>8}{'good':>10}{'bad':>9}"]
    for name, one in runs.items():
        seconds, peak = one.processor_seconds / bulk.processor_seconds, one.peak_kib / bulk.peak_kib
        lines.append(
            f"{name:<22}{one.processor_seconds:>10.2f} s{seconds:>7.1f}x{one.peak_kib / 1024:>10.1f} MiB"
            f"{peak:>7.1f}x{one.good:>10,}{one.bad:>9,}"
        )
    return lines


def main() -> int:
    """Writes the sample, measures all programs, and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sample.csv"
        say(f"writing {rows:,} rows")
        sample.write(file, rows)
        size = file.stat().st_size / 1e6
        try:
            runs = measure([BULK, *others()], file, Path(folder))
        except (OSError, ProgramError) as error:
            print(error, file=sys.stderr)
            return 1
    print(f"\n{rows:,} rows of {len(sample.COLUMNS)} columns, {size:.1f} MB; the best of {ROUNDS} rounds\n")
    print("\n".join(table(runs)))
    print("\nOnly `bulk check` takes the email `none` for a blank cell, and saves the bad rows alone.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
