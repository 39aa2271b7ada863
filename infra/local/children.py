"""What a supervisor starts and ends: the emulator, the proxy that disturbs it, and the sandbox of a gateway."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from paths import StackFiles
from processes import die_with_parent

END_GRACE_SECONDS = 2.0
EMULATOR_HEALTH = "/_ministack/health"
FAULTS_HEALTH = "/_microburst/health"
SANDBOX_HEALTH = "/_sandbox/faults"
DYNAMODB_HEALTH = "/"

Child = subprocess.Popen[bytes]


class Stop(BaseException):
    """Somebody wants the stack to end. No `Exception`: it comes from a signal, amid code that retries those."""


def start_emulator(files: StackFiles, port: int, for_functions: str, extra: list[str]) -> Child:
    """Starts the emulator on loopback, with enforced role policies; its functions find AWS at `for_functions`."""
    files.temporary.mkdir(parents=True, exist_ok=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        # Inherited by the functions: where their AWS clients go, and what no deployed stack allows.
        "AWS_ENDPOINT_URL": for_functions,
        "ALLOW_LOOPBACK_WEBHOOKS": "true",
        "GATEWAY_ALLOW_LOOPBACK": "true",
        "PYTHONPATH": str(Path(__file__).parent / "emulator"),
        "PYTHONUNBUFFERED": "1",
        "TMPDIR": str(files.temporary),
        "STATE_DIR": str(files.temporary / "state"),
    }
    environment |= dict(setting.split("=", 1) for setting in extra)
    return start([sys.executable, "-m", "ministack"], files.logs / "emulator.log", environment)


def start_faults(files: StackFiles, port: int, upstream: str, profile: str, seed: int) -> Child:
    """Starts what stands between the functions and the emulator."""
    command = [sys.executable, str(Path(__file__).with_name("faults.py")), "--upstream", upstream]
    command += ["--port", str(port), "--profile", profile, "--seed", str(seed)]
    return start(command, files.logs / "faults.log", os.environ | {"TMPDIR": str(files.temporary)})


def start_sandbox(files: StackFiles, port: int) -> Child:
    """Starts what the functions take for the gateway of a health information exchange."""
    command = [sys.executable, str(Path(__file__).with_name("sandbox_fhir.py")), "--port", str(port)]
    return start(command, files.logs / "sandbox.log", dict(os.environ))


def start_dynamodb(files: StackFiles, port: int, program: str) -> Child:
    """Starts what serves DynamoDB in the emulator's place."""
    return start([program, str(port)], files.logs / "dynamodb.log", os.environ | {"TMPDIR": str(files.temporary)})


def start(command: list[str], log: Path, environment: dict[str, str]) -> Child:
    """Starts a process in a group of its own, which is its process id."""
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=log.open("wb"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=die_with_parent,
    )


def wait_until_ready(children: list[Child], health: str) -> None:
    """Waits for an answer at the address, unless a child or the starter is gone by then."""
    while all(child.poll() is None for child in children) and not select.select([sys.stdin], [], [], 0)[0]:
        try:
            with urllib.request.urlopen(health, timeout=2):
                return
        except OSError:
            time.sleep(0.1)
    raise Stop


def end_group(child: Child) -> None:
    """Ends every process of the child's group: the child is asked first, then all are ended."""
    child.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(END_GRACE_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
