"""The file that all programs check: 13 columns of the sample of the demo, with its mistakes."""

from __future__ import annotations

import csv
from pathlib import Path

from infra.demo.sample import HEADER, rows

#: What most exports of patients have. The demo's sample has further ones that only this service knows.
COLUMNS = [
    "externalId", "First Name", "Last Name", "DOB", "Gender", "Address Line 1", "Address Line 2", "City", "State",
    "Zip", "Phone-1", "Email", "SSN",
]  # fmt: skip


def write(path: Path, count: int) -> None:
    """Writes a file of this many rows, which is the same in every run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    indices = [HEADER.index(column) for column in COLUMNS]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows([row[index] for index in indices] for row in rows(count, 1, [], []))
