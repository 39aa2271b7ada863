"""The sample file is what its arguments say, and the demo never overwrites an uploaded file."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from infra.demo import sample
from infra.demo.__main__ import Listener, patients, target


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


@pytest.mark.parametrize(
    ("lines", "is_final"),
    [
        (["2026-01-01T00:00:00Z  processing  request 1\n", "    signatures: both hold; answered 200\n"], False),
        (["2026-01-01T00:00:00Z  processing  request 1\n", "2026-01-01T00:00:01Z  completed  request 1\n"], True),
        (["2026-01-01T00:00:00Z  failed  request 1\n", "    reason: no rows\n"], True),
    ],
)
def test_the_last_webhook_is_that_about_the_end(
    lines: list[str], is_final: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-c", f"print({''.join(lines)!r}, end='')"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        listener = Listener(process, "http://127.0.0.1:1")
        listener.show()
    assert listener.final.is_set() == is_final
    assert capsys.readouterr().out == "".join(f"  webhook  {line}" for line in lines)


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
