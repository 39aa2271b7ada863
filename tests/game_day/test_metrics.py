"""A metric has the values that lines of the embedded metric format give it, and no others."""

from __future__ import annotations

import pytest

from tests.game_day.metrics import value_of

LINE = (
    '{"_aws": {"Timestamp": 1, "CloudWatchMetrics": [{"Namespace": "stack", "Dimensions": [[]],'
    ' "Metrics": [{"Name": "RowsFailed", "Unit": "Count"}]}]}, "RowsFailed": 3, "RowsSucceeded": 4}'
)


def test_a_line_has_the_values_of_the_metrics_that_it_names() -> None:
    assert value_of(LINE, "RowsFailed") == 3
    assert value_of(LINE, "RowsSucceeded") == 0
    assert value_of(LINE, "ErrorsLogged") == 0


@pytest.mark.parametrize("line", ["ERROR", '"RowsFailed"', "[1]", '{"RowsFailed": 3}', "REPORT RequestId: 1"])
def test_a_line_of_another_form_has_no_value(line: str) -> None:
    assert value_of(line, "RowsFailed") == 0
