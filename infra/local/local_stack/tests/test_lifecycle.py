"""Tests of the parts of which a stack's life is made: processes, locks, logs, installed packages."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

import install
import lifecycle
import locks
import paths
from paths import StackFiles
from processes import alive, commands, end_process, kill_group
from stack import stack_name
from supervisor import LogCollector, lines

FOLDER = Path(__file__).parent


class Sleeper:
    """A process in a group of its own, with a mark in its command line."""

    def __init__(self, mark: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(60)", mark], start_new_session=True
        )

    def __enter__(self) -> subprocess.Popen[bytes]:
        return self.process

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


class Processes(unittest.TestCase):
    def test_a_process_is_ended_if_it_is_ours(self) -> None:
        with Sleeper("ours") as process:
            end_process(process.pid, "ours", 5)
            assert not alive(process.pid)

    def test_a_process_that_got_the_id_of_ours_lives(self) -> None:
        with Sleeper("theirs") as process:
            end_process(process.pid, "ours", 5)
            kill_group(process.pid, "ours")
            time.sleep(0.1)
            assert alive(process.pid)

    def test_a_group_is_killed_if_one_of_it_is_ours(self) -> None:
        with Sleeper("ours") as process:
            assert len(commands(group=process.pid)) == 1
            kill_group(process.pid, "else", "ours")
            assert process.wait(5) == -signal.SIGKILL

    def test_nobody_is_ended_by_the_id_of_nobody(self) -> None:
        with Sleeper("ours") as process:
            pass
        assert commands(process=process.pid) == []
        end_process(process.pid, "ours", 5)
        kill_group(process.pid, "ours")


class Folders(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        patch = mock.patch.object(paths, "STACKS", Path(temporary.name))
        patch.start()
        self.addCleanup(patch.stop)
        self.files = StackFiles("one")

    def test_what_a_crash_left_is_cleaned_up(self) -> None:
        self.files.temporary.mkdir(parents=True)
        # Ids from before the machine was started again; today they are somebody else's.
        self.files.supervisor.write_text(f'{{"supervisor": {os.getpid()}, "groups": [{os.getpgid(0)}]}}')
        self.files.description.write_text('{"endpoint": "http://127.0.0.1:1"}')
        assert lifecycle.running(self.files) is None
        assert lifecycle.end(self.files)
        assert not lifecycle.end(self.files)
        assert list(self.files.folder.iterdir()) == []

    def test_whoever_started_a_stack_waits_for_the_others(self) -> None:
        with locks.used(self.files) as mine, contextlib.redirect_stderr(io.StringIO()) as said:
            mine.wait_for_others()
            assert said.getvalue() == ""
        other = subprocess.Popen(
            [sys.executable, "-c", "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_SH); "
             "print(flush=True); sys.stdin.read()", str(self.files.users)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert other.stdin is not None and other.stdout is not None
        other.stdout.readline()
        with locks.used(self.files) as mine, contextlib.redirect_stderr(io.StringIO()) as said:
            other.stdin.close()
            mine.wait_for_others()
        other.stdout.close()
        assert other.wait(5) == 0

    def test_names_are_names_of_folders(self) -> None:
        assert stack_name("test-2") == "test-2"
        for name in ("", "../x", "a/b", "A", "-a", "a b"):
            with self.assertRaises(argparse.ArgumentTypeError, msg=name):
                stack_name(name)

    def test_a_log_line_is_written_once_even_when_it_comes_late(self) -> None:
        self.files.logs.mkdir(parents=True)

        def event(time_ms: int, stream: str, message: str) -> dict[str, object]:
            return {"timestamp": time_ms, "logStreamName": stream, "message": message}

        class Logs:
            def __init__(self) -> None:
                self.events: list[dict[str, object]] = []

            def describe_log_groups(self) -> dict[str, object]:
                return {"logGroups": [{"logGroupName": "/aws/cloudformation/bulk-import/FanOutLogs"}]}

            def filter_log_events(self, *, logGroupName: str, startTime: int) -> dict[str, object]:
                return {"events": [one for one in self.events if int(str(one["timestamp"])) >= startTime]}

        logs = Logs()
        collector = LogCollector(self.files, logs)
        logs.events = [event(86_400_000, "a", "START RequestId: 1"), event(86_400_000, "a", "first\n")]
        collector.collect()
        collector.collect()
        logs.events.insert(0, event(86_399_000, "b", "earlier, seen later"))
        collector.collect()
        written = (self.files.logs / "FanOut.log").read_text()
        assert written == "00:00:00.000  first\n23:59:59.000  earlier, seen later\n"

    def test_frames_of_invocations_are_left_out(self) -> None:
        framed = [
            "START RequestId: 1 Version: $LATEST",
            "hello",
            "END RequestId: 1",
            "REPORT RequestId: 1\tDuration: 2 ms",
        ]
        kept = list(lines([{"timestamp": 0, "message": message} for message in framed]))
        assert kept == ["00:00:00.000  hello\n", "00:00:00.000  REPORT RequestId: 1\tDuration: 2 ms\n"]


class Installing(unittest.TestCase):
    def test_packages_are_installed_again_only_when_the_list_changes(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder, requirements = Path(name) / "venv", Path(name) / "requirements.txt"
            requirements.write_text("a==1\n")
            wanted = install.stamp(requirements)
            assert not install.is_current(folder, wanted)
            (folder / "bin").mkdir(parents=True)
            (folder / "bin" / "python").touch()
            (folder / "installed").write_text(wanted)
            assert install.is_current(folder, wanted)
            requirements.write_text("a==2\n")
            assert not install.is_current(folder, install.stamp(requirements))
            (folder / "bin" / "python").unlink()
            assert not install.is_current(folder, wanted)

    def test_every_package_is_pinned_by_its_hash(self) -> None:
        for name in ("requirements", "requirements-tools"):
            locked = (FOLDER / f"{name}.txt").read_text()
            packages = [line for line in locked.splitlines() if "==" in line and not line.lstrip().startswith("#")]
            assert packages
            assert all(line.endswith("\\") for line in packages), name
            for line in (FOLDER / f"{name}.in").read_text().splitlines():
                if "==" in line:
                    assert f"\n{line} \\\n" in f"\n{locked}", name


class Programs(unittest.TestCase):
    def test_all_of_them_can_be_imported(self) -> None:
        for path in FOLDER.glob("*.py"):
            importlib.import_module(path.stem)


if __name__ == "__main__":
    unittest.main()
