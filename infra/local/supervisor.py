"""Keeps one emulator: starts it in a process group of its own, collects the functions' logs, and ends the
whole group when it is told to, when its starter dies, or when the emulator ends.

Run by `stack.py`, never by hand. Whatever kills the starter closes the pipe that is this process's standard
input (`--until-stdin-closes`), and whatever kills this process takes the emulator along (`PR_SET_PDEATHSIG`);
the functions end by themselves when the emulator is gone.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from aws import client
from paths import StackFiles
from processes import die_with_parent

LOG_POLL_SECONDS = 1.0
LOG_PATIENCE_SECONDS = 3
END_GRACE_SECONDS = 2.0


class Stop(BaseException):
    """Somebody wants the stack to end. No `Exception`: it comes from a signal, amid code that retries those."""


def start_emulator(files: StackFiles, port: int, extra: list[str]) -> subprocess.Popen[bytes]:
    """Starts the emulator on loopback, with enforced role policies."""
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
    """Copies what the functions log from the emulator's CloudWatch Logs into one file for each function."""

    def __init__(self, files: StackFiles, port: int) -> None:
        self.files = files
        self.logs = client("logs", f"http://127.0.0.1:{port}", patience=LOG_PATIENCE_SECONDS)
        #: For each group the time of its last event, and how many events of that millisecond are written.
        self.written: dict[str, tuple[int, int]] = {}

    def collect(self) -> None:
        for group in self.logs.describe_log_groups()["logGroups"]:
            name = group["logGroupName"]
            self._collect_group(name, name.rsplit("/", 1)[-1].removesuffix("Logs"))

    def _collect_group(self, group: str, function: str) -> None:
        since, count = self.written.get(group, (0, 0))
        events = self.logs.filter_log_events(logGroupName=group, startTime=since).get("events", [])
        known = [event for event in events if event["timestamp"] == since][:count]
        fresh = [event for event in events if event not in known]
        if not fresh:
            return
        with (self.files.logs / f"{function}.log").open("a") as file:
            file.writelines(event["message"].rstrip("\n") + "\n" for event in fresh)
        last = max(event["timestamp"] for event in events)
        self.written[group] = (last, sum(event["timestamp"] == last for event in events))


def collect(collector: LogCollector) -> None:
    """Collects once; the logs are a convenience that must not end the stack."""
    try:
        collector.collect()
    except (BotoCoreError, ClientError, OSError) as error:
        print(f"logs not collected: {error}", file=sys.stderr)


def watch(emulator: subprocess.Popen[bytes], collector: LogCollector, watch_stdin: bool) -> None:
    """Returns when the stack is to end."""
    while emulator.poll() is None:
        collect(collector)
        deadline = time.monotonic() + LOG_POLL_SECONDS
        while (left := deadline - time.monotonic()) > 0:
            if not watch_stdin:
                time.sleep(left)
            elif select.select([sys.stdin], [], [], left)[0] and not os.read(sys.stdin.fileno(), 1):
                return


def end_group(emulator: subprocess.Popen[bytes]) -> None:
    """Ends every process of the emulator's group: the emulator is asked first, then all are ended."""
    emulator.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        emulator.wait(END_GRACE_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(emulator.pid, signal.SIGKILL)
    emulator.wait()


def wait_until_ready(emulator: subprocess.Popen[bytes], port: int) -> None:
    """Waits for the emulator's health answer."""
    while emulator.poll() is None:
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
    parser.add_argument("--until-stdin-closes", action="store_true")
    arguments = parser.parse_args()

    def stop(_signal: int, _frame: object) -> None:
        raise Stop

    for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(sign, stop)
    files = StackFiles(arguments.name)
    emulator = start_emulator(files, arguments.port, arguments.env)
    collector = LogCollector(files, arguments.port)
    try:
        processes = {"supervisor": os.getpid(), "emulatorGroup": emulator.pid, "port": arguments.port}
        files.supervisor.write_text(json.dumps(processes))
        wait_until_ready(emulator, arguments.port)
        watch(emulator, collector, arguments.until_stdin_closes)
    except Stop:
        pass
    finally:
        for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(sign, signal.SIG_IGN)
        if emulator.poll() is None:
            collect(collector)
        end_group(emulator)
        files.description.unlink(missing_ok=True)
        files.supervisor.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
