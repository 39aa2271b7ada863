"""What the measuring tools compute from what they measure."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.measure import calls, picture
from tests.measure.cold_starts import ColdStart
from tests.measure.quota import WHOLE_MB, share_of
from tests.measure.timeline import runs


def test_writes_reads_and_calls_are_counted_separately() -> None:
    made = Counter({"dynamodb.PutItem": 4, "dynamodb.BatchGetItem": 1, "s3.GetObject": 2, "sqs.SendMessageBatch": 1})
    summary = calls.summary(made | Counter({"dynamodb.BatchGetItem": 6}), made, 2)
    assert list(summary.values()) == [2.0, 3.0, 2.5, 1.0, 0.5]


def test_the_runs_of_a_function_are_those_of_its_log_since_the_import_began(tmp_path: Path) -> None:
    log = "10:00:00.000  REPORT RequestId: 1 Duration: 5.0 ms\n10:00:02.000  REPORT RequestId: 2 Duration: 500.0 ms\n"
    (tmp_path / "FanOut.log").write_text(log + "10:00:02.000  something else\n")
    assert runs(tmp_path, "FanOut", datetime(2026, 1, 1, 10, 0, 1, tzinfo=UTC)) == [(0.5, 1.0)]


def test_an_import_can_last_over_midnight(tmp_path: Path) -> None:
    (tmp_path / "FanOut.log").write_text("00:00:01.000  REPORT RequestId: 1 Duration: 1000.0 ms\n")
    assert runs(tmp_path, "FanOut", datetime(2026, 1, 1, 23, 59, 59, tzinfo=UTC)) == [(1.0, 2.0)]


def test_runs_at_the_same_time_are_drawn_in_different_lines() -> None:
    assert picture.stacked([(0, 2), (1, 3), (2, 4)]) == ([(0, 2, 0), (1, 3, 1), (2, 4, 0)], 2)


def test_a_function_with_less_memory_waits_longer_for_its_first_answer_but_starts_as_fast() -> None:
    cold = ColdStart(start=10, first=20, later=5, clock=0, later_clock=0)
    assert cold.answer(WHOLE_MB) == pytest.approx(30)
    assert cold.answer(WHOLE_MB // 2) == pytest.approx(10 + 20 / share_of(WHOLE_MB // 2))
    assert share_of(2 * WHOLE_MB) == 1.0
