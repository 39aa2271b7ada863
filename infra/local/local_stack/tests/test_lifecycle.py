"""No process of a stack is left when a signal ends its starter. These tests start real stacks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local_stack.customer import BULK
from local_stack.description import Stack
from local_stack.paths import StackFiles
from local_stack.processes import of_stack

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process die with its parent"),
    pytest.mark.skipif(not BULK.exists(), reason="needs `make build`"),
]
FILES = StackFiles("test-ends")
COMMAND = [sys.executable, "-m", "local_stack"]
#: Several times as long as on an idle machine.
START_SECONDS = 120
STOP_SECONDS = 60


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Returns whether a condition holds within this time."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def is_up() -> bool:
    return Stack.read(FILES.description) is not None


def is_gone() -> bool:
    return not of_stack(FILES)


@pytest.fixture(autouse=True)
def down() -> Iterator[None]:
    """Stops the stack after a test that has failed."""
    yield
    subprocess.run([*COMMAND, "down", "--name", FILES.name], check=False, capture_output=True)


def start(*arguments: str) -> subprocess.Popen[bytes]:
    """Starts a command of the local stack in a process group of its own."""
    command = [*COMMAND, arguments[0], "--name", FILES.name, *arguments[1:]]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_is_left_after_a_signal_to_the_starter(sign: signal.Signals) -> None:
    with start("run", "--faults", "none", "--", "sleep", "60") as starter:
        assert wait_until(is_up, START_SECONDS)
        assert any("tests.fault_proxy" in process.cmdline() for process in of_stack(FILES))
        os.kill(starter.pid, sign)
        starter.wait(STOP_SECONDS)
        assert wait_until(is_gone, STOP_SECONDS)
        assert wait_until(lambda: not is_up(), STOP_SECONDS)


def test_no_process_is_left_if_the_starter_is_killed_while_it_starts() -> None:
    with start("up") as starter:
        assert wait_until(lambda: not is_gone(), START_SECONDS)
        os.kill(starter.pid, signal.SIGKILL)
        starter.wait()
        assert wait_until(is_gone, STOP_SECONDS)
        assert not FILES.temporary.exists()


def test_a_signal_while_a_lock_is_deleted_ends_the_command(tmp_path: Path) -> None:
    """Python drops the exception of the signal's handler then."""
    program = tmp_path / "starter.py"
    program.write_text(
        """
import os, signal
from local_stack import cli
from local_stack.paths import StackFiles

class Lock:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        for _ in range(1000):
            pass

signal.signal(signal.SIGTERM, cli.end)
Lock()
cli.call(["sleep", "60"], StackFiles("test-ends"))
"""
    )
    run = subprocess.run([sys.executable, str(program)], check=False, capture_output=True, timeout=START_SECONDS)
    assert run.returncode == 128 + signal.SIGTERM
