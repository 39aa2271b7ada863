"""A stack stays up until the last command on it has ended."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from local_stack import paths
from local_stack.locks import in_use, unused
from local_stack.paths import StackFiles

#: Uses a stack until its standard input ends.
USER = """
import sys
from pathlib import Path
from local_stack import locks, paths
paths.STACKS = Path(sys.argv[1])
with locks.in_use(paths.StackFiles("one")):
    print(flush=True)
    sys.stdin.read()
"""


def test_the_last_command_does_not_wait(files: StackFiles, capsys: pytest.CaptureFixture[str]) -> None:
    with in_use(files):
        pass
    with unused(files):
        pass
    assert capsys.readouterr().err == ""


def test_a_command_waits_for_another_one(files: StackFiles, capsys: pytest.CaptureFixture[str]) -> None:
    command = [sys.executable, "-c", USER, str(paths.STACKS)]
    is_unused = threading.Event()

    def wait() -> None:
        with unused(files):
            is_unused.set()

    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        other.stdout.readline()
        waiter = threading.Thread(target=wait)
        waiter.start()
        assert not is_unused.wait(0.3)
        other.stdin.close()
        assert is_unused.wait(10)
        waiter.join()
    assert "Another command still uses the stack" in capsys.readouterr().err
