"""The programs that are compared do the same work: they judge each row of a plain file alike."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.compare import sample
from tests.compare.programs import BULK, Program, others, run

GOOD = {
    "externalId": "MRN-1", "First Name": "José", "Last Name": "O'Neil", "DOB": "1990-12-31", "Gender": "F",
    "Address Line 1": '1 "Old" Main St, rear', "Address Line 2": "", "City": "Boston", "State": "MA", "Zip": "02139",
    "Phone-1": "617-555-0199", "Email": "jose@example.com", "SSN": "123-45-6780",
}  # fmt: skip
#: Cells that differ from those of the good row, and leave it good.
CLEAN = [
    {}, {"DOB": "12/31/1990"}, {"DOB": "19901231"}, {"DOB": "1990/1/2"}, {"DOB": "12-31-1990"},
    {"DOB": "1990-12-31T00:00:00Z"}, {"Gender": "male"}, {"State": "new york"}, {"Zip": "2139"}, {"Zip": "02139-0001"},
    {"Phone-1": "+1 (617) 555-0199 x12"}, {"Phone-1": "", "Email": "", "SSN": "", "externalId": ""},
    {"Last Name": " O'Neil "}, {"Address Line 1": "1 Main St\nrear"},
]  # fmt: skip
#: Cells that make the row bad.
WRONG = [
    {"First Name": " "}, {"Last Name": ""}, {"First Name": "12"}, {"DOB": ""}, {"DOB": "1990-02-30"},
    {"DOB": "1890-01-01"}, {"DOB": "2999-01-01"}, {"DOB": "31-31-1990"}, {"DOB": "soon"}, {"Gender": ""},
    {"Gender": "q"}, {"Address Line 1": ""}, {"City": " "}, {"State": "Kalifornia"}, {"State": ""}, {"Zip": "ABCDE"},
    {"Zip": "00000"}, {"Zip": ""}, {"Phone-1": "555-0199"}, {"Email": "jose(at)example.com"}, {"SSN": "000-45-6780"},
    {"SSN": "123-45-678X"}, {"externalId": "9" * 256}, {"DOB": "", "SSN": "1"},
]  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with the clean rows, then the wrong ones."""
    path = tmp_path / "plain.csv"
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, sample.COLUMNS)
        writer.writeheader()
        writer.writerows(GOOD | cells for cells in CLEAN + WRONG)
    return path


def cells_of(row: int) -> dict[str, str]:
    """Returns what is special about a row, counted from 1."""
    return (CLEAN + WRONG)[row - 1]


@pytest.mark.skipif(not Path(BULK.command[0]).exists(), reason="needs `make build`")
def test_bulk_check_finds_the_wrong_rows(file: Path, tmp_path: Path) -> None:
    ended = run(BULK, file, tmp_path / "failures.csv")
    lines = map(json.loads, ended.output.splitlines())
    bad = [cells_of(line["row"]) for line in lines if line["type"] == "row" and "problems" in line]
    assert bad == WRONG
    assert (ended.good, ended.bad) == (len(CLEAN), len(WRONG))


@pytest.mark.parametrize("program", others(), ids=lambda program: program.name)
def test_a_program_agrees_with_bulk_check_on_each_row(program: Program, file: Path, tmp_path: Path) -> None:
    ended = run(program, file, tmp_path / "result.csv")
    with (tmp_path / "result.csv").open(newline="", encoding="utf-8") as result:
        rows = list(csv.DictReader(result))
    bad = [cells_of(number) for number, row in enumerate(rows, 1) if row["status"] == "failed"]
    assert bad == WRONG
    assert [row for row in rows if row["status"] == "failed" and not row["reason"]] == []
    assert (ended.good, ended.bad) == (len(CLEAN), len(WRONG))


@pytest.mark.parametrize("program", others(), ids=lambda program: program.name)
def test_a_result_has_the_cells_of_the_file(program: Program, file: Path, tmp_path: Path) -> None:
    run(program, file, tmp_path / "result.csv")
    with (tmp_path / "result.csv").open(newline="", encoding="utf-8") as result:
        written = [[row[column] for column in sample.COLUMNS] for row in csv.DictReader(result)]
    with file.open(newline="", encoding="utf-8") as source:
        assert written == list(csv.reader(source))[1:]
