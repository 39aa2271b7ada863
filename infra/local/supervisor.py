"""Keeps one emulator, what disturbs it, and a sandbox gateway: starts each in a process group of its own, collects the functions'
logs, and ends the groups when it is told to, when its starter dies, or when one of them ends.

Run by `lifecycle.py`, never by hand. Whatever kills the starter closes the pipe that is this process's standard
input, which ends the stack unless the starter has written to it before, that the stack shall stay up. Whatever
kills this process takes both along (`PR_SET_PDEATHSIG`); the functions end by themselves when the
emulator is gone.
"""

from __future__ import annotations

import argparse
import json
import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from aws import client
from children import (
    DYNAMODB_HEALTH,
    EMULATOR_HEALTH,
    FAULTS_HEALTH,
    SANDBOX_HEALTH,
    Child,
    Stop,
    end_group,
    start_dynamodb,
    start_emulator,
    start_faults,
    start_sandbox,
    wait_until_ready,
)
from paths import StackFiles

LOG_POLL_SECONDS = 1.0
LOG_PATIENCE_SECONDS = 3
#: An event can become visible this much after its time, when the emulator is busy.
LOG_OVERLAP_MS = 5000


class LogCollector:
    """Copies what the functions log from the emulator's CloudWatch Logs into one file for each function.

    The emulator makes a log stream for each invocation and fills it at once, at the invocation's end: a stream
    that was seen is done with.
    """

    def __init__(self, files: StackFiles, logs: Any) -> None:
        self.files, self.logs = files, logs
        self.seen: set[str] = set()
        #: Time of the last event of each group, in ms.
        self.last: dict[str, int] = {}

    def collect(self) -> None:
        for group in self.logs.describe_log_groups()["logGroups"]:
            name = group["logGroupName"]
            self._collect_group(name, name.rsplit("/", 1)[-1].removesuffix("Logs"))

    def _collect_group(self, group: str, function: str) -> None:
        since = max(0, self.last.get(group, 0) - LOG_OVERLAP_MS)
        events = self.logs.filter_log_events(logGroupName=group, startTime=since).get("events", [])
        fresh = [event for event in events if event["logStreamName"] not in self.seen]
        if not fresh:
            return
        with (self.files.logs / f"{function}.log").open("a") as file:
            file.writelines(lines(fresh))
        self.seen.update(event["logStreamName"] for event in fresh)
        self.last[group] = max(event["timestamp"] for event in events)


def lines(events: list[dict[str, Any]]) -> Iterator[str]:
    """Events as lines with their times, without what only frames an invocation."""
    for event in events:
        message = event["message"].strip()
        if not message.startswith(("START RequestId:", "END RequestId:")):
            time_of_day = datetime.fromtimestamp(event["timestamp"] / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
            yield f"{time_of_day}  {message}\n"


def collect(collector: LogCollector) -> None:
    """Collects once; the logs are a convenience that must not end the stack."""
    try:
        collector.collect()
    except (BotoCoreError, ClientError, OSError) as error:
        print(f"logs not collected: {error}", file=sys.stderr)


def watch(children: list[Child], collector: LogCollector) -> None:
    """Returns when the stack is to end."""
    starter_needed = True
    while all(child.poll() is None for child in children):
        collect(collector)
        deadline = time.monotonic() + LOG_POLL_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            if not starter_needed:
                time.sleep(left)
            elif select.select([sys.stdin], [], [], left)[0]:
                if not os.read(sys.stdin.fileno(), 1):
                    return
                starter_needed = False


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--env", action="append", default=[])
    parser.add_argument("--faults")
    parser.add_argument("--faults-port", type=int)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--sandbox-port", type=int)
    parser.add_argument("--dynamodb")
    parser.add_argument("--dynamodb-port", type=int)
    arguments = parser.parse_args()

    def stop(_signal: int, _frame: object) -> None:
        raise Stop

    for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(sign, stop)
    files = StackFiles(arguments.name)
    endpoint = f"http://127.0.0.1:{arguments.port}"
    proxy = f"http://127.0.0.1:{arguments.faults_port}" if arguments.faults else None
    environment = list(arguments.env)
    dynamodb = f"http://127.0.0.1:{arguments.dynamodb_port}"
    if arguments.dynamodb:
        environment.append(f"AWS_ENDPOINT_URL_DYNAMODB={dynamodb}")
    children = [start_emulator(files, arguments.port, proxy or endpoint, environment)]
    collector = LogCollector(files, client("logs", endpoint, patience=LOG_PATIENCE_SECONDS))
    try:
        if proxy:
            children.append(start_faults(files, arguments.faults_port, endpoint, arguments.faults, arguments.seed))
        if arguments.sandbox_port:
            children.append(start_sandbox(files, arguments.sandbox_port))
        if arguments.dynamodb:
            children.append(start_dynamodb(files, arguments.dynamodb_port, arguments.dynamodb))
        processes = {"supervisor": os.getpid(), "groups": [child.pid for child in children], "port": arguments.port}
        files.supervisor.write_text(json.dumps(processes))
        wait_until_ready(children, f"{endpoint}{EMULATOR_HEALTH}")
        if proxy:
            wait_until_ready(children, f"{proxy}{FAULTS_HEALTH}")
        if arguments.sandbox_port:
            wait_until_ready(children, f"http://127.0.0.1:{arguments.sandbox_port}{SANDBOX_HEALTH}")
        if arguments.dynamodb:
            wait_until_ready(children, dynamodb + DYNAMODB_HEALTH)
        watch(children, collector)
    except Stop:
        pass
    finally:
        for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(sign, signal.SIG_IGN)
        if children[0].poll() is None:
            collect(collector)
        for child in children:
            end_group(child)
        shutil.rmtree(files.temporary, ignore_errors=True)
        files.description.unlink(missing_ok=True)
        files.supervisor.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
