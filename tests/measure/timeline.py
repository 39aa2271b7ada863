"""Shows where the time of an import goes on the local stack: `make timeline ROWS=10000`.

Prints the invocations of each function, their length and the processor's time, beside that of the emulator. Draws a
picture with a bar for each invocation, and with the rows and document queries that are done over time.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from local_stack.description import Stack
from local_stack.template import functions, load_template
from tests.api.client import ApiError, upload
from tests.measure.imports import QUIET_SECONDS, Importer, write_sample
from tests.measure.picture import Curve, Lane, draw
from tests.measure.processor import SERVICES, Usage, usage

SAMPLE_SECONDS = 0.25
#: The supervisor collects the last logs within this time.
LOGS_SECONDS = 3
#: Clients call the API, and a schedule the sweep, so neither is a part of the import.
NOT_OF_AN_IMPORT = ("Api", "Sweep")
REPORT = re.compile(r"^(\d\d:\d\d:\d\d\.\d{3})  REPORT .*?Duration: ([\d.]+) ms")

#: Beginning and end of an invocation, in seconds since the import began.
Span = tuple[float, float]


@dataclass
class Progress:
    """How much of an import was done at times since its upload, in seconds."""

    rows: list[tuple[float, float]] = field(default_factory=lambda: [(0.0, 0.0)])
    queries: list[tuple[float, float]] = field(default_factory=list)
    job: dict[str, Any] = field(default_factory=dict)
    #: The patients in each webhook about documents, and in each of those the patients with documents.
    told: list[tuple[int, int]] = field(default_factory=list)

    def add(self, seconds: float, job: dict[str, Any]) -> None:
        """Adds what the API says about the job at this time."""
        self.job = job
        self.rows.append((seconds, job["successful"] + job["failed"]))
        if queries := job.get("documentQueries"):
            self.queries.append((seconds, queries["successful"] + queries["failed"]))

    def curves(self) -> list[Curve]:
        """Returns the curves of the picture."""
        curves = [Curve("rows", self.rows, self.job["total"])]
        if queries := self.job.get("documentQueries"):
            curves.append(Curve("document queries", self.queries, queries["total"]))
        return curves


def watch(importer: Importer, uploaded: float) -> tuple[Progress, float]:
    """Polls the job until its last webhook. Returns its progress, and when that webhook arrived."""
    progress = Progress()
    deadline = time.monotonic() + QUIET_SECONDS
    while time.monotonic() < deadline:
        message = importer.receiver.take(SAMPLE_SECONDS)
        now = time.monotonic()
        progress.add(now - uploaded, importer.api.call("GET", f"/medical/v1/patient/bulk/{importer.job}"))
        if message:
            deadline = now + QUIET_SECONDS
            if patients := message.get("patients"):
                progress.told.append((len(patients), sum(bool(patient["documents"]) for patient in patients)))
            if importer.is_end(message):
                return progress, now - uploaded
    raise ApiError(f"no webhook for {QUIET_SECONDS} s")


def runs(logs: Path, function: str, began: datetime) -> list[Span]:
    """Returns the invocations of a function since `began`, out of its log."""
    found = []
    log = logs / f"{function}.log"
    for line in log.read_text(errors="replace").splitlines() if log.exists() else ():
        if match := REPORT.match(line):
            time_of_day = datetime.strptime(f"{match[1]}+0000", "%H:%M:%S.%f%z").timetz()
            end = datetime.combine(began.date(), time_of_day)
            if end < began - timedelta(hours=12):
                end += timedelta(days=1)
            seconds = (end - began).total_seconds()
            if seconds > 0:
                found.append((max(seconds - float(match[2]) / 1000, 0.0), seconds))
    return sorted(found)


@dataclass(frozen=True)
class Part:
    """What one function did in an import."""

    function: str
    runs: list[Span]
    used: Usage

    def line(self) -> str:
        """Returns the line of the table."""
        length = sum(end - start for start, end in self.runs)
        first, last = self.runs[0][0], max(end for _, end in self.runs)
        return (
            f"  {self.function:<16} {len(self.runs):>6,} {first:>7.1f}s {last:>7.1f}s {length:>9.1f}s"
            f" {self.used.seconds:>9.1f}s {self.used.switches:>10,}"
        )


@dataclass(frozen=True)
class Measured:
    """An import that has ended."""

    progress: Progress
    began: datetime
    seconds: float
    #: What each function and service used meanwhile.
    used: dict[str, Usage]
    #: The TCP connections that all processes of this machine opened meanwhile.
    connections: int

    def parts(self, stack: Stack) -> list[Part]:
        """Returns what the functions did."""
        parts = []
        for name, function in functions(load_template()).items():
            of_function = [run for run in runs(Path(stack.logs), name, self.began) if run[0] < self.seconds]
            if of_function and name not in NOT_OF_AN_IMPORT:
                prefix = f"{stack.resource_prefix}-{name}-"
                used = sum((one for full, one in self.used.items() if full.startswith(prefix)), Usage())
                parts.append(Part(function, of_function, used))
        return parts


def connections_opened() -> int:
    """Returns the number of TCP connections that this machine has opened since it started."""
    names, values = (
        line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Tcp:")
    )
    return int(values[names.index("ActiveOpens")])


def measure(stack: Stack, file: Path, *, patient_webhooks: bool) -> Measured:
    """Imports a file and waits for its end and its logs."""
    importer = Importer(stack, patient_webhooks=patient_webhooks)
    link = importer.create_job()
    before, connections = usage(stack), connections_opened()
    began, uploaded = datetime.now(UTC), time.monotonic()
    upload(link, file)
    progress, seconds = watch(importer, uploaded)
    after, connections = usage(stack), connections_opened() - connections
    time.sleep(LOGS_SECONDS)
    used = {name: after[name] - before.get(name, Usage()) for name in after}
    return Measured(progress, began, seconds, used, connections)


def main() -> int:
    """Imports a sample, prints the tables and draws the picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--out", type=Path, required=True, help="the picture, an .svg")
    parser.add_argument("--patient-webhooks", action="store_true", help="receive webhooks about documents, too")
    arguments = parser.parse_args()
    stack, rows = Stack.current(), arguments.rows
    measured = measure(stack, write_sample(stack, rows), patient_webhooks=arguments.patient_webhooks)
    parts, seconds = measured.parts(stack), measured.seconds
    title = f"{rows:,} rows in {seconds:.1f} s"
    print(f"\n{title}, {rows / seconds:,.0f} rows/s")
    print(f"\n  {'':<16} {'runs':>6} {'first':>8} {'last':>8} {'all runs':>10} {'processor':>10} {'switches':>10}")
    for part in parts:
        print(part.line())
    cores = os.cpu_count() or 1
    shares = {"our functions": sum((part.used for part in parts), Usage()).seconds}
    shares |= {f"the {name}": measured.used[name].seconds for name in SERVICES.values() if name in measured.used}
    print("\n  processor: " + ", ".join(f"{name} {used:.1f} s" for name, used in shares.items()) + ",")
    print(f"  of {seconds * cores:.1f} s of {cores} cores; the client and the system use the rest, or it is idle")
    print(f"  connections that this machine opened meanwhile, those of the client included: {measured.connections:,}")
    if told := measured.progress.told:
        patients, with_documents = (sum(column) for column in zip(*told, strict=True))
        print(f"  {len(told):,} webhooks about {patients:,} patients, {with_documents:,} of them with documents")
    lanes = [Lane(part.function, part.runs) for part in parts]
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(draw(title, seconds, measured.progress.curves(), lanes, shares, cores))
    print(f"\n  the picture: {arguments.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
