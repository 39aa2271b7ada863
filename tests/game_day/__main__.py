"""`local-stack run --env AWS_LAMBDA_LOG_FORMAT=JSON -- python -m tests.game_day` prints what each alarm would do."""

from __future__ import annotations

import sys

from local_stack.description import Stack
from tests.game_day.alarms import Emulator, would_fire
from tests.game_day.scenarios import IMPOSSIBLE, SCENARIOS, SHORTENED, firing_without_cause


def main() -> int:
    """Plays all scenarios, and returns 1 if an alarm would stay silent."""
    emulator = Emulator(Stack.current())
    if wrong := firing_without_cause(emulator):
        print(f"On a day without trouble, these metrics are not zero: {', '.join(wrong)}")
        return 1
    silent = []
    for alarm, scenario in SCENARIOS.items():
        print(f"{alarm}: {(scenario.__doc__ or '').splitlines()[0]}", flush=True)
        value = scenario(emulator)
        fires = value >= SHORTENED[alarm] if alarm in SHORTENED else would_fire(alarm, value)
        print(f"  {value:g}: {'fires' if fires else 'STAYS SILENT'}", flush=True)
        silent += [] if fires else [alarm]
    for alarm, reason in IMPOSSIBLE.items():
        print(f"{alarm}: not produced, because {reason}")
    return 1 if silent else 0


if __name__ == "__main__":
    sys.exit(main())
