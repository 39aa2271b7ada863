"""Keeps one emulator: starts it in a process group of its own, collects the functions' logs, and ends the
whole group when it is told to, when its starter dies, or when the emulator ends.

Run by `lifecycle.py`, never by hand. Whatever kills the starter closes the pipe that is this process's standard
input, which ends the stack unless the starter has written to it before, that the stack shall stay up. Whatever
kills this process takes the emulator along (`PR_SET_PDEATHSIG`); the functions end by themselves when the
emulator is gone.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from aws import client
from paths import StackFiles
from processes import die_with_parent

LOG_POLL_SECONDS = 1.0
LOG_PATIENCE_SECONDS = 3
#: An event can become visible this much after its time, when the emulator is busy.
LOG_OVERLAP_MS = 5000
END_GRACE_SECONDS = 2.0


class Stop(BaseException):
    """Somebody wants the stack to end. No `Exception`: it comes from a signal, amid code that retries those."""


def start_emulator(files: StackFiles, port: int, extra: list[str]) -> subprocess.Popen[bytes]:
    """Starts the emulator on loopback, with enforced role policies."""
    files.temporary.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        # Inherited by the functions: where their AWS clients go, and what no deployed stack allows.
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "ALLOW_LOOPBACK_WEBHOOKS": "true",
        "PYTHONPATH": str(Path(__file__).parent / "emulator"),
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(files.temporary),
        "STATE_DIR": str(files.temporary / "state"),
    }
    environment |= dict(setting.split("=", 1) for setting in extra)
    return subprocess.Popen(
        [sys.executable, "-m", "ministack"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=(files.logs / "emulator.log").open("wb"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=die_with_parent,
    )


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


def watch(emulator: subprocess.Popen[bytes], collector: LogCollector) -> None:
    """Returns when the stack is to end."""
    starter_needed = True
    while emulator.poll() is None:
        collect(collector)
        deadline = time.monotonic() + LOG_POLL_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            if not starter_needed:
                time.sleep(left)
            elif select.select([sys.stdin], [], [], left)[0]:
                if not os.read(sys.stdin.fileno(), 1):
                    return
                starter_needed = False


def end_group(emulator: subprocess.Popen[bytes]) -> None:
    """Ends every process of the emulator's group: the emulator is asked first, then all are ended."""
    emulator.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        emulator.wait(END_GRACE_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(emulator.pid, signal.SIGKILL)
    emulator.wait()


def wait_until_ready(emulator: subprocess.Popen[bytes], port: int) -> None:
    """Waits for the emulator's health answer, unless the starter is gone by then."""
    while emulator.poll() is None and not select.select([sys.stdin], [], [], 0)[0]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_ministack/health", timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise Stop


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--env", action="append", default=[])
    arguments = parser.parse_args()

    def stop(_signal: int, _frame: object) -> None:
        raise Stop

    for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(sign, stop)
    files = StackFiles(arguments.name)
    emulator = start_emulator(files, arguments.port, arguments.env)
    endpoint = f"http://127.0.0.1:{arguments.port}"
    collector = LogCollector(files, client("logs", endpoint, patience=LOG_PATIENCE_SECONDS))
    try:
        processes = {"supervisor": os.getpid(), "emulatorGroup": emulator.pid, "port": arguments.port}
        files.supervisor.write_text(json.dumps(processes))
        wait_until_ready(emulator, arguments.port)
        watch(emulator, collector)
    except Stop:
        pass
    finally:
        for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(sign, signal.SIG_IGN)
        if emulator.poll() is None:
            collect(collector)
        end_group(emulator)
        shutil.rmtree(files.temporary, ignore_errors=True)
        files.description.unlink(missing_ok=True)
        files.supervisor.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
