"""Copies what the functions log from the emulator's CloudWatch Logs into files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_stack.paths import StackFiles

#: When the emulator is busy, an event can become visible this much after its time.
LATE_BY_MS = 5000


class LogCollector:
    """Appends new log events to one file for each function, and to one for the audit trail."""

    def __init__(self, files: StackFiles, logs: Any) -> None:
        """Copies from the client `logs` into the folder of the stack's logs."""
        self.files, self.logs = files, logs
        self.seen: set[str] = set()
        #: The time of the last event of each group, in ms.
        self.last: dict[str, int] = {}

    def collect(self) -> None:
        """Copies what is new. An error is printed only, because a stack is useful without its logs."""
        try:
            for group in self.logs.describe_log_groups()["logGroups"]:
                name = group["logGroupName"]
                self._collect_group(name, name.rsplit("/", 1)[-1].removesuffix("Logs"))
        except (BotoCoreError, ClientError, OSError) as error:
            print(f"logs not collected: {error}", file=sys.stderr)

    def _collect_group(self, group: str, function: str) -> None:
        since = max(0, self.last.get(group, 0) - LATE_BY_MS)
        events = self.logs.filter_log_events(logGroupName=group, startTime=since).get("events", [])
        fresh = [event for event in events if id_of(event) not in self.seen]
        if not fresh:
            return
        with (self.files.logs / f"{function}.log").open("a") as file:
            file.writelines(lines(fresh))
        self.seen.update(id_of(event) for event in fresh)
        self.last[group] = max(event["timestamp"] for event in events)


def id_of(event: dict[str, Any]) -> str:
    """Returns what tells an event from others. The emulator gives no id to events that PutLogEvents stored."""
    return event.get("eventId") or f"{event['timestamp']} {event['message']}"


def lines(events: list[dict[str, Any]]) -> Iterator[str]:
    """Yields events as lines with their times, without those that only mark where an invocation begins and ends."""
    for event in events:
        message = event["message"].strip()
        if not message.startswith(("START RequestId:", "END RequestId:")):
            time_of_day = datetime.fromtimestamp(event["timestamp"] / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
            yield f"{time_of_day}  {message}\n"
