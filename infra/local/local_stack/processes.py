"""The processes of a stack: how they start, are found again, and end."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

from local_stack.paths import PROJECT, StackFiles

#: A process has this much time to end after SIGTERM.
STOP_GRACE_SECONDS = 2.0
#: From <linux/prctl.h>.
PR_SET_PDEATHSIG = 1

Child = subprocess.Popen[bytes]


def die_with_parent() -> None:
    """Asks Linux to kill this process when its parent dies. Other systems have no such call."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def start(command: list[str], log: Path, environment: dict[str, str]) -> Child:
    """Starts a process in the project's folder that leads a process group of its own and dies with this process."""
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )


def stop_group(child: Child, sign: signal.Signals = signal.SIGTERM, grace: float = STOP_GRACE_SECONDS) -> None:
    """Stops the process group that a child leads: the child by a signal, and what is left of the group by SIGKILL."""
    child.send_signal(sign)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(grace)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def environment(process: psutil.Process) -> dict[str, str]:
    """Returns the environment variables of a process; none if it has ended or is another user's."""
    try:
        return process.environ()
    except (psutil.Error, OSError):
        return {}


def of_stack(files: StackFiles) -> list[psutil.Process]:
    """Returns all processes of a stack, of its services as well as of its functions."""
    temporary = str(files.temporary)
    return [process for process in psutil.process_iter() if environment(process).get("TMPDIR") == temporary]


def kill_all(files: StackFiles) -> None:
    """Kills what is left of a stack."""
    processes = of_stack(files)
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, STOP_GRACE_SECONDS)


def listens(child: Child, port: int, seconds: float) -> bool:
    """Waits until a child listens on its port. Returns False if it ends before, or takes longer than `seconds`."""
    deadline = time.monotonic() + seconds
    while child.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        time.sleep(0.02)
    return False


def free_ports(count: int) -> list[int]:
    """Returns different loopback ports on which no process listens."""
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def free_port() -> int:
    """Returns a loopback port on which no process listens."""
    return free_ports(1)[0]
