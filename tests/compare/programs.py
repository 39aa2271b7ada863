"""The programs that check the same file: `bulk check`, and those that a user could write instead."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from local_stack.paths import BINARIES, PROJECT

HERE = Path(__file__).parent
PYTHON = PROJECT / ".venv-compare/bin/python"
STATES = HERE / "states.json"


class ProgramError(Exception):
    """A program that did not check the file. Its text is what the program wrote to standard error."""


@dataclass(frozen=True)
class Program:
    """A program, with its command. FILE and RESULT in it stand for the two files."""

    name: str
    command: list[str]
    #: The exit statuses of a file that was checked.
    done: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Run:
    """What a program found, and what it used."""

    #: What it printed, which ends with its counts.
    output: str
    good: int
    bad: int
    #: Of all its threads, in user and kernel mode.
    processor_seconds: float
    peak_kib: int


#: It ends with 2 where some rows are bad.
BULK = Program("bulk check", [str(BINARIES / "bulk"), "check", "FILE", "--json", "--failures", "RESULT"], done=(0, 2))


def others() -> list[Program]:
    """Returns the programs that this machine can run, and prints what is missing for the rest."""
    arguments = ["FILE", "RESULT", str(STATES)]
    found = [
        Program(title, [str(PYTHON), str(HERE / script), *arguments])
        for title, script in [("Python csv, pydantic", "with_pydantic.py"), ("polars", "with_polars.py")]
    ]
    node = shutil.which("node")
    if node and (HERE / "node_modules").is_dir():
        found.append(Program("Node csv-parser, zod", [node, str(HERE / "with_zod.js"), *arguments]))
    else:
        print("No Node with the packages of tests/compare: csv-parser with zod is left out", file=sys.stderr)
    return found


def run(program: Program, file: Path, result: Path) -> Run:
    """Runs a program on a file; raises `ProgramError` if it fails. Its result file is overwritten."""
    usage = result.with_suffix(".usage")
    files = {"FILE": str(file), "RESULT": str(result)}
    launcher = [sys.executable, "-I", "-S", str(HERE / "measured.py"), str(usage)]
    command = [files.get(word, word) for word in program.command]
    ended = subprocess.run([*launcher, *command], capture_output=True, text=True, check=False)
    if ended.returncode not in program.done:
        raise ProgramError(f"{program.name}: {ended.stderr.strip()}")
    seconds, peak = usage.read_text().split()
    counts = json.loads(ended.stdout.splitlines()[-1])
    return Run(ended.stdout, counts["good"], counts["bad"], float(seconds), int(peak))
