"""A metric filter counts the lines that its pattern describes, and no others."""

from __future__ import annotations

import pytest

from tests.game_day.metric_filter import matcher

LINE = '{"timestamp": "2026-01-15T10:00:00Z", "level": "ERROR", "message": "Rows failed: s3.GetObject", "job.id": "1"}'


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ('{ $.level = "ERROR" }', True),
        ('{ $.level = "WARN" }', False),
        ('{ $.level = "ERR" }', False),
        ('{ $.message = "Rows failed" }', False),
        ('{ $.message = "Rows failed*" }', True),
        ('{ $.message = "*GetObject" }', True),
        ('{ $.message = "Rows.failed*" }', False),
        ('{ $.other = "ERROR" }', False),
    ],
)
def test_a_line_matches_by_its_field(pattern: str, expected: bool) -> None:
    assert matcher(pattern)(LINE) == expected


@pytest.mark.parametrize("line", ["ERROR", '"ERROR"', "[1]", '{"level": 3}', "REPORT RequestId: 1"])
def test_a_line_of_another_form_never_matches(line: str) -> None:
    assert not matcher('{ $.level = "ERROR" }')(line)


@pytest.mark.parametrize("pattern", ['"Work abandoned"', '{ $.level = "A" && $.x = "B" }', "{ $.level = ERROR }", ""])
def test_a_pattern_of_another_form_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="another form"):
        matcher(pattern)
