"""The functions' logs are copied completely and once."""

from __future__ import annotations

from typing import Any

from local_stack.logs import LogCollector, lines
from local_stack.paths import StackFiles


class Logs:
    """CloudWatch Logs with one group."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def describe_log_groups(self) -> dict[str, Any]:
        return {"logGroups": [{"logGroupName": "/aws/cloudformation/bulk-import/FanOutLogs"}]}

    def filter_log_events(self, **request: Any) -> dict[str, Any]:
        return {"events": [event for event in self.events if event["timestamp"] >= request["startTime"]]}


def event(time_ms: int, stream: str, message: str) -> dict[str, Any]:
    return {"timestamp": time_ms, "eventId": f"{stream}-{message}", "message": message}


def test_a_log_line_is_written_once_even_if_it_is_late(files: StackFiles) -> None:
    files.logs.mkdir(parents=True)
    logs = Logs()
    collector = LogCollector(files, logs)
    logs.events = [event(86_400_000, "a", "START RequestId: 1"), event(86_400_000, "a", "first\n")]
    collector.collect()
    collector.collect()
    logs.events.insert(0, event(86_399_000, "b", "earlier, seen later"))
    collector.collect()
    written = (files.logs / "FanOut.log").read_text()
    assert written == "00:00:00.000  first\n23:59:59.000  earlier, seen later\n"


def test_an_event_without_an_id_is_written_once(files: StackFiles) -> None:
    files.logs.mkdir(parents=True)
    logs = Logs()
    collector = LogCollector(files, logs)
    logs.events = [{"timestamp": 86_400_000, "message": "put"}]
    collector.collect()
    logs.events.append({"timestamp": 86_400_000, "message": "put later"})
    collector.collect()
    assert (files.logs / "FanOut.log").read_text() == "00:00:00.000  put\n00:00:00.000  put later\n"


def test_the_frames_of_invocations_are_left_out() -> None:
    report = "REPORT RequestId: 1\tDuration: 2 ms"
    framed = ["START RequestId: 1 Version: $LATEST", "hello", "END RequestId: 1", report]
    kept = list(lines([event(0, "a", message) for message in framed]))
    assert kept == ["00:00:00.000  hello\n", f"00:00:00.000  {report}\n"]
