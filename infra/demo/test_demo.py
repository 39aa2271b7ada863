"""The sample file is what its arguments say, and the demo never overwrites an uploaded file."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from infra.demo import sample
from infra.demo.__main__ import patients, target


def test_the_same_arguments_give_the_same_rows() -> None:
    assert list(sample.rows(300, 7, [], [])) == list(sample.rows(300, 7, [], []))


def test_another_seed_gives_other_rows() -> None:
    assert list(sample.rows(300, 7, [], [])) != list(sample.rows(300, 8, [], []))


def test_the_sample_has_the_requested_number_of_rows(tmp_path: Path) -> None:
    path = tmp_path / "sample.csv"
    sample.write(path, 250, 1, ["f"], ["c"])
    with path.open(newline="") as file:
        assert len(list(csv.reader(file))) == 251


def test_each_mistake_is_in_a_column_of_the_sample() -> None:
    for mistake in sample.MISTAKES:
        assert mistake.keys() <= set(sample.HEADER)


@pytest.mark.parametrize(
    ("uploaded", "expected"),
    [("patients.csv", "failures.csv"), ("failures.csv", "failures-2.csv"), ("failures-2.csv", "failures.csv")],
)
def test_the_uploaded_file_is_not_overwritten(tmp_path: Path, uploaded: str, expected: str) -> None:
    assert target(tmp_path, "failures", tmp_path / uploaded) == tmp_path / expected


def test_the_patients_of_a_result_are_those_of_its_succeeded_rows(tmp_path: Path) -> None:
    result = tmp_path / "result.csv"
    result.write_text(
        "\ufefffirstName,note,metriportId,status,reason\r\n"
        'Ada,"two\r\nlines",p1,succeeded,\r\n'
        "Bob,,,failed,dob: missing\r\n"
        "Cyd,,p2,succeeded,\r\n",
        newline="",
    )
    assert patients(result) == ["p1", "p2"]
