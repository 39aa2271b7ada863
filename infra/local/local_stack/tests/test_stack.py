"""Tests of the sample file, of what is deployed, and of how a stack ends: `python -m unittest discover -s infra/local`."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import sample
from deploy import METHODS, adapt, functions, load_template
from paths import BINARIES, PROJECT, StackFiles

NAME = "test-ends"


def processes_of(files: StackFiles) -> list[str]:
    """Command lines of live processes that belong to the stack."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            environment = (folder / "environ").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if str(files.folder) in environment or f"supervisor.py --name {files.name}" in command:
            found.append(command)
    return [command for command in found if command]


class Template(unittest.TestCase):
    def test_every_function_has_a_folder_of_its_binarys_name(self) -> None:
        folders = {path.name for path in (PROJECT / "functions").iterdir()}
        assert set(functions(load_template()).values()) == folders

    def test_only_what_the_emulator_misreads_is_changed(self) -> None:
        template = load_template()
        parameters = {name: str(value.get("Default")) for name, value in template["Parameters"].items()}
        adapted = load_template()
        adapt(adapted, parameters)
        changed = {
            name for name, resource in template["Resources"].items() if resource != adapted["Resources"].get(name)
        }
        assert "RestApi" in changed
        (path,) = adapted["Resources"]["RestApi"]["Properties"]["DefinitionBody"]["paths"].values()
        assert set(path) == set(METHODS)
        for name in changed:
            assert template["Resources"][name]["Type"] in {
                "AWS::Serverless::Api",
                "AWS::Serverless::Function",
                "AWS::IAM::Role",
                "AWS::S3::BucketPolicy",
            }

    def test_the_allowed_site_can_read_api_gateways_own_answers_as_it_can_ours(self) -> None:
        respond = (PROJECT / "functions" / "api" / "src" / "respond.rs").read_text()
        exposed = re.findall(r'const EXPOSED: &str = "(.+)";', respond)
        expected = {
            "Access-Control-Allow-Origin": {"Fn::Sub": "'${CorsOrigin}'"},
            "Access-Control-Expose-Headers": f"'{exposed[0]}'",
            "Vary": "'origin'",
        }
        for name, response in load_template()["Resources"]["RestApi"]["Properties"]["GatewayResponses"].items():
            headers = response["ResponseParameters"]["Headers"]
            for header, value in expected.items():
                only_with_a_site = {"Fn::If": ["HasCorsOrigin", value, {"Ref": "AWS::NoValue"}]}
                assert headers.get(header) == only_with_a_site, f"{header} of {name}"


class Sample(unittest.TestCase):
    def test_the_same_arguments_give_the_same_rows(self) -> None:
        assert list(sample.rows(300, 7, [], [])) == list(sample.rows(300, 7, [], []))
        assert list(sample.rows(300, 7, [], [])) != list(sample.rows(300, 8, [], []))

    def test_it_has_as_many_rows_as_asked_for(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sample.csv"
            sample.write(path, 250, 1, ["f"], ["c"])
            with path.open(newline="") as file:
                assert len(list(csv.reader(file))) == 251

    def test_every_mistake_is_in_a_column_that_there_is(self) -> None:
        for mistake in sample.MISTAKES:
            assert mistake.keys() <= set(sample.HEADER)


@unittest.skipUnless(sys.platform == "linux", "looks at /proc")
@unittest.skipUnless((BINARIES / "bulk").exists(), "needs `make build`")
class Endings(unittest.TestCase):
    def ends_by(self, sign: signal.Signals) -> None:
        files = StackFiles(NAME)
        stack = Path(__file__).with_name("stack.py")
        process = subprocess.Popen(
            [sys.executable, str(stack), "run", "--name", NAME, "--faults", "none", "--", "sleep", "60"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + 60
            while files.read() is None and time.monotonic() < deadline:
                time.sleep(0.1)
            assert files.read() is not None, "the stack did not start"
            assert any("faults.py" in command for command in processes_of(files))
            os.kill(process.pid, sign)
            process.wait(20)
            deadline = time.monotonic() + 20
            while processes_of(files) and time.monotonic() < deadline:
                time.sleep(0.1)
            assert processes_of(files) == []
            assert files.read() is None
        finally:
            subprocess.run([sys.executable, str(stack), "down", "--name", NAME], check=False, capture_output=True)
            process.kill()
            process.wait()

    def test_nothing_is_left_after_the_starter_is_killed_in_the_middle_of_starting(self) -> None:
        files = StackFiles(NAME)
        stack = Path(__file__).with_name("stack.py")
        process = subprocess.Popen(
            [sys.executable, str(stack), "up", "--name", NAME], stderr=subprocess.DEVNULL, start_new_session=True
        )
        deadline = time.monotonic() + 60
        while not files.supervisor.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        deadline = time.monotonic() + 20
        while processes_of(files) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert processes_of(files) == []
        assert not files.temporary.exists()

    def test_nothing_is_left_after_the_starter_is_interrupted(self) -> None:
        self.ends_by(signal.SIGINT)

    def test_nothing_is_left_after_the_starter_is_killed(self) -> None:
        self.ends_by(signal.SIGKILL)


if __name__ == "__main__":
    unittest.main()
