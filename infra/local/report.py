"""What became of the rows of a file, in words, out of its result file."""

from __future__ import annotations

import collections
import csv
from dataclasses import dataclass, field
from pathlib import Path

from terminal import bold, dim, green, red

REASONS_SHOWN = 15
ROWS_SHOWN = 3
#: A cell can be as long as a row, which the service limits to 1 MiB.
csv.field_size_limit(2 * 1024 * 1024)


@dataclass
class Summary:
    """The rows counted."""

    succeeded: int = 0
    failed: int = 0
    #: Rows whose status is neither: there must not be any.
    unknown: int = 0
    #: Succeeded rows of a dry run, which makes no patients.
    without_id: int = 0
    patients: set[str] = field(default_factory=set)
    #: How many rows have each problem; a row can have several.
    reasons: collections.Counter[str] = field(default_factory=collections.Counter)
    #: The first rows, and the first one that failed if it is not among them: number, id, status, reason.
    examples: list[tuple[int, str, str, str]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return self.succeeded + self.failed + self.unknown

    def add(self, number: int, patient: str, status: str, reason: str) -> None:
        """Counts a row."""
        first_failure = status == "failed" and not self.failed
        if number <= ROWS_SHOWN or first_failure:
            self.examples.append((number, patient, status, reason))
        if status == "succeeded":
            self.succeeded += 1
            if patient:
                self.patients.add(patient)
            else:
                self.without_id += 1
        elif status == "failed":
            self.failed += 1
            self.reasons.update(part.strip() for part in reason.split(";"))
        else:
            self.unknown += 1


def read(result: Path) -> Summary:
    """Reads a result file: whatever columns the upload had, the last three are ours."""
    summary = Summary()
    with result.open(newline="", encoding="utf-8", errors="replace") as file:
        rows = csv.reader(file)
        next(rows, None)
        for number, row in enumerate(rows, start=1):
            patient, status, reason = row[-3:]
            summary.add(number, patient, status, reason)
    return summary


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def show(summary: Summary, seconds: float) -> None:
    """Prints it."""
    print(f"\n   {'row':>7}  {'metriportId':36}  {'status':9}  reason")
    for number, patient, status, reason in summary.examples:
        color = red if status == "failed" else green
        print(f"   {number:>7,}  {patient:36}  {color(f'{status:9}')}  {reason}")
    if summary.rows > len(summary.examples):
        print(dim(f"   {'…':>7}"))
    pace = f"{summary.rows / seconds:,.0f} rows a second" if seconds else ""
    took = f"{counted(summary.rows, 'row')} in {seconds:.1f} s"
    print(f"\n   {bold(took)}, {pace}, from the end of the upload to the webhook\n")
    again = summary.succeeded - summary.without_id - len(summary.patients)
    told = counted(len(summary.patients), "patient") if summary.patients else ""
    if again:
        told += f"; {counted(again, 'more row')} about the same people"
    if summary.without_id:
        told = "a dry run: nobody was created"
    print(f"   {green('succeeded')} {summary.succeeded:>8,}  {dim(told)}")
    print(f"   {red('failed')}    {summary.failed:>8,}")
    for reason, count in sorted(summary.reasons.items(), key=lambda entry: (-entry[1], entry[0]))[:REASONS_SHOWN]:
        print(f"             {count:>8,}  {reason}")
    if (more := len(summary.reasons) - REASONS_SHOWN) > 0:
        print(dim(f"             {'…':>8}  and {more} other reasons"))
    if summary.unknown:
        print(red(f"   {summary.unknown:,} rows have no outcome"))
