"""Processes are stopped if they belong to a stack, and left alone otherwise."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local_stack import lifecycle
from local_stack.description import Stack
from local_stack.paths import StackFiles
from local_stack.processes import free_port, kill_all, listens, of_stack, start, stop_group

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
#: Makes a file and ends at SIGTERM, as a supervisor stops its services.
SUPERVISOR = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path(sys.argv[2]).touch(), sys.exit()))
print(flush=True)
time.sleep(60)
"""


@contextmanager
def sleeping(temporary: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a process with this folder for temporary files."""
    process = subprocess.Popen(SLEEP, env=os.environ | {"TMPDIR": str(temporary)})
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_process_of_the_stack_is_found_and_killed(files: StackFiles) -> None:
    with sleeping(files.temporary) as process:
        assert [found.pid for found in of_stack(files)] == [process.pid]
        kill_all(files)
        assert of_stack(files) == []


def test_a_process_of_another_stack_stays(files: StackFiles) -> None:
    with sleeping(StackFiles("two").temporary) as process:
        kill_all(files)
        assert process.poll() is None


def test_the_files_and_processes_of_a_crash_are_removed(files: StackFiles) -> None:
    files.temporary.mkdir(parents=True)
    files.profile.touch()
    with sleeping(files.temporary):
        assert lifecycle.stop(files)
        assert not lifecycle.stop(files)
    assert list(files.folder.iterdir()) == []


def test_a_supervisor_gets_the_time_to_stop_the_services_itself(files: StackFiles, tmp_path: Path) -> None:
    stopped = tmp_path / "stopped"
    command = [sys.executable, "-c", SUPERVISOR, "local_stack.supervisor", str(stopped)]
    environment = os.environ | {"TMPDIR": str(files.temporary)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        lifecycle.stop(files)
    assert stopped.exists()


def test_a_stack_whose_emulator_does_not_answer_is_not_running(files: StackFiles) -> None:
    files.folder.mkdir(parents=True)
    endpoint = f"http://127.0.0.1:{free_port()}"
    stack = Stack("one", "", "", "", [], [], endpoint, "", "", {}, {}, "", "", None, None)
    stack.write(files.description)
    assert Stack.read(files.description) == stack
    assert lifecycle.running(files) is None


def test_a_group_is_killed_if_its_leader_ignores_the_signal(tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    log = tmp_path / "log"
    child = start([sys.executable, "-c", deaf], log, dict(os.environ))
    while not log.read_text():
        assert child.poll() is None
    stop_group(child, grace=0.1)
    assert child.returncode == -signal.SIGKILL


def test_a_child_that_ends_first_does_not_listen(tmp_path: Path) -> None:
    child = start([sys.executable, "-c", ""], tmp_path / "log", dict(os.environ))
    assert not listens(child, free_port(), 10)
