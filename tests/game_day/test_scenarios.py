"""The game day has a scenario for each alarm of the template, or the reason why there is none."""

from __future__ import annotations

import pytest

from tests.game_day.alarms import ALARMS, would_fire
from tests.game_day.scenarios import IMPOSSIBLE, SCENARIOS, SHORTENED


def test_each_alarm_has_a_scenario_or_a_reason() -> None:
    assert sorted([*SCENARIOS, *IMPOSSIBLE]) == sorted(ALARMS)
    assert all(value < ALARMS[alarm]["Threshold"] for alarm, value in SHORTENED.items())


@pytest.mark.parametrize(
    ("alarm", "value", "expected"),
    [
        ("ApiFailsAlarm", 5, True),
        ("ApiFailsAlarm", 4, False),
        ("SweepStoppedAlarm", 0, True),
        ("SweepStoppedAlarm", 1, False),
    ],
)
def test_an_alarm_fires_by_its_own_comparison(alarm: str, value: float, expected: bool) -> None:
    assert would_fire(alarm, value) == expected
