"""Where the time of an import goes on the local stack: `make timeline ROWS=10000`.

Prints for each function its runs, their length and the processor's time, next to the emulator's, and draws a picture:
every run of every function as a bar, and rows and document queries done over time.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sample
from client import Api, Failure, upload
from deploy import functions, load_template
from picture import Curve, Lane, draw
from processor import variables
from receiver import Receiver
from terminal import Bar, bold

SAMPLE_SECONDS = 0.25
QUIET_SECONDS = 300
#: Until the supervisor has collected the last logs.
LOGS_SECONDS = 3
TICKS = os.sysconf("SC_CLK_TCK")
SWITCHES = re.compile(r"voluntary_ctxt_switches:\s+(\d+)")
RUN = re.compile(r"^(\d\d:\d\d:\d\d\.\d{3})  REPORT .*?Duration: ([\d.]+) ms")


@dataclass
class Progress:
    """How far an import was, at times since its upload."""

    rows: list[tuple[float, float]] = field(default_factory=lambda: [(0.0, 0.0)])
    queries: list[tuple[float, float]] = field(default_factory=list)
    job: dict[str, Any] = field(default_factory=dict)

    def add(self, seconds: float, job: dict[str, Any]) -> None:
        self.job = job
        self.rows.append((seconds, job["successful"] + job["failed"]))
        if asked := job.get("documentQueries"):
            self.queries.append((seconds, asked["successful"] + asked["failed"]))


def watch(api: Api, receiver: Receiver, job: str, uploaded: float) -> tuple[Progress, float]:
    """Looks at the job until its last webhook, and says when that came."""
    progress, bar = Progress(), Bar("importing", "rows")
    deadline = time.monotonic() + QUIET_SECONDS
    while time.monotonic() < deadline:
        message = receiver.take(SAMPLE_SECONDS)
        now = time.monotonic()
        said = message.json()["bulkPatientCreate"] if message else {}
        state = api.call("GET", f"/medical/v1/patient/bulk/{job}", shown=False)
        progress.add(now - uploaded, state)
        if state["total"]:
            bar.update(state["successful"] + state["failed"], state["total"])
        if message:
            deadline = now + QUIET_SECONDS
        if said.get("requestId") == job and said["status"] != "processing":
            bar.close()
            if said["status"] != "completed":
                raise Failure(f"the job failed: {said.get('reason')}")
            return progress, now - uploaded
    raise Failure(f"no webhook for {QUIET_SECONDS} s")


def runs(logs: Path, function: str, began: datetime) -> list[tuple[float, float]]:
    """The runs of a function, as seconds since `began`, out of its log."""
    found = []
    log = logs / f"{function}.log"
    for line in log.read_text(errors="replace").splitlines() if log.exists() else ():
        if match := RUN.match(line):
            of_day = datetime.strptime(match[1], "%H:%M:%S.%f").time()
            end = datetime.combine(began.date(), of_day, UTC)
            if end < began - timedelta(hours=12):
                end += timedelta(days=1)
            seconds = (end - began).total_seconds()
            start = seconds - float(match[2]) / 1000
            if seconds > 0:
                found.append((max(start, 0.0), seconds))
    return sorted(found)


@dataclass(frozen=True)
class Spent:
    """What processes took of the processor."""

    seconds: float = 0.0
    #: How often they were put aside or woken: each answer that arrives alone wakes its reader.
    switches: int = 0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.seconds + other.seconds, self.switches + other.switches)

    def __sub__(self, other: Spent) -> Spent:
        return Spent(self.seconds - other.seconds, self.switches - other.switches)


def spent_so_far(temporary: str) -> dict[str, Spent]:
    """By every function of the stack, by its name in AWS, and by the emulator."""
    found: dict[str, Spent] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        of_process = variables(folder)
        if of_process.get("TMPDIR") != temporary:
            continue
        try:
            numbers = (folder / "stat").read_text().rpartition(")")[2].split()
            command = (folder / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
            threads = [thread.read_text() for thread in folder.glob("task/*/status")]
        except OSError:
            continue
        others = {"ministack": "emulator", "examples/dynamodb ": "DynamoDB"}
        other = next((name for mark, name in others.items() if mark in command), "")
        name = of_process.get("AWS_LAMBDA_FUNCTION_NAME") or other
        if name:
            # Fields 14 and 15 of the whole line: time in user and in kernel mode.
            seconds = (int(numbers[11]) + int(numbers[12])) / TICKS
            switches = sum(int(number) for status in threads for number in SWITCHES.findall(status))
            found[name] = found.get(name, Spent()) + Spent(seconds, switches)
    return found


@dataclass(frozen=True)
class Part:
    """What a function did in an import."""

    binary: str
    runs: list[tuple[float, float]]
    spent: Spent

    def line(self) -> str:
        length = sum(end - start for start, end in self.runs)
        first, last = self.runs[0][0], max(end for _, end in self.runs)
        return (
            f"  {self.binary:<16} {len(self.runs):>6,} {first:>7.1f}s {last:>7.1f}s {length:>9.1f}s"
            f" {self.spent.seconds:>9.1f}s {self.spent.switches:>10,}"
        )


def parts_of(logs: Path, prefix: str, spent: dict[str, Spent], began: datetime, seconds: float) -> list[Part]:
    """The functions that ran for the import; those that this script calls, or a clock, are not among them."""
    parts = []
    for name, binary in functions(load_template()).items():
        of_function = [run for run in runs(logs, name, began) if run[0] < seconds]
        if of_function and name not in ("Api", "Sweep"):
            of_name = [value for full, value in spent.items() if full.startswith(f"{prefix}-{name}-")]
            parts.append(Part(binary, of_function, sum(of_name, Spent())))
    return parts


def connections_opened() -> int:
    """TCP connections that this machine has opened since it started."""
    names, values = (line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Tcp:"))
    return int(values[names.index("ActiveOpens")])


@dataclass(frozen=True)
class Import:
    """An import that has ended."""

    progress: Progress
    began: datetime
    seconds: float
    #: What each process took meanwhile.
    spent: dict[str, Spent]
    #: What all of this machine opened meanwhile.
    connections: int


def import_sample(stack: dict[str, Any], file: Path, temporary: str) -> Import:
    """Uploads a file and waits for its end."""
    api, receiver = Api(stack["apiUrl"], stack["apiKey"]), Receiver()
    api.call("POST", "/settings", {"webhookUrl": receiver.url}, shown=False)
    job = api.call("POST", f"/medical/v1/patient/bulk?facilityId={stack['facilities'][0]}", shown=False)
    before, connections = spent_so_far(temporary), connections_opened()
    began, uploaded = datetime.now(UTC), time.monotonic()
    upload(job["uploadUrl"], file)
    progress, seconds = watch(api, receiver, job["requestId"], uploaded)
    after, connections = spent_so_far(temporary), connections_opened() - connections
    time.sleep(LOGS_SECONDS)
    spent = {name: after[name] - before.get(name, Spent()) for name in after}
    return Import(progress, began, seconds, spent, connections)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--out", type=Path, required=True, help="where to draw the picture, an .svg")
    arguments = parser.parse_args()
    description = Path(os.environ["STACK"])
    stack = json.loads(description.read_text())
    file = description.parent / "sample.csv"
    sample.write(file, arguments.rows, 1, stack["facilities"], stack["cohorts"])
    done = import_sample(stack, file, str(description.parent / "tmp"))
    progress, seconds, spent = done.progress, done.seconds, done.spent

    prefix = stack["outputs"]["DirectoryTable"].rsplit("-Directory-", 1)[0]
    parts = parts_of(description.parent / "logs", prefix, spent, done.began, seconds)
    title = f"{arguments.rows:,} rows in {seconds:.1f} s"
    print(f"\n{bold(title)}, {arguments.rows / seconds:,.0f} rows/s")
    print(f"\n  {'':<16} {'runs':>6} {'first':>8} {'last':>8} {'all runs':>10} {'processor':>10} {'switches':>10}")
    for part in parts:
        print(part.line())
    cores = os.cpu_count() or 1
    shares = {"our functions": sum((part.spent for part in parts), Spent()).seconds}
    shares |= {f"the {name}": spent[name].seconds for name in ("emulator", "DynamoDB") if name in spent}
    print("\n  processor: " + ", ".join(f"{name} {took:.1f} s" for name, took in shares.items()) + ",")
    print(f"  of {seconds * cores:.1f} s that {cores} cores have in that time; the rest is the client's, the system's, or idle")
    print(f"  connections opened on this machine meanwhile, the client's included: {done.connections:,}")
    curves = [Curve("rows", progress.rows, progress.job["total"])]
    if asked := progress.job.get("documentQueries"):
        curves.append(Curve("document queries", progress.queries, asked["total"]))
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    lanes = [Lane(part.binary, part.runs) for part in parts]
    arguments.out.write_text(draw(title, seconds, curves, lanes, shares, cores))
    print(f"\n  the picture: {bold(str(arguments.out))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
