"""How a local stack starts and ends, so that nothing is left of it whatever happens to whoever started it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import command_line
from aws import REGION, ROOT
from deploy import DeployError, build, deploy
from paths import StackFiles
from processes import end_process, kill_group
from seed import seed
from terminal import say

START_SECONDS = 60
#: The supervisor needs 3 s for its last look at the logs and 2 s for the emulator's farewell.
END_SECONDS = 15
#: A free port can be taken by somebody else before the emulator has it.
ATTEMPTS = 3
#: What is written to the supervisor's input so that the stack outlives its starter.
KEEP = b"k"


class StartError(Exception):
    """The stack is not up; says why and where to look."""


def start(files: StackFiles, environment: list[str], parameters: list[str]) -> subprocess.Popen[bytes] | None:
    """Starts the emulator, deploys, seeds, and describes the stack; nothing is left if any of it fails.

    The stack ends when the supervisor's input does: keep the answer, or `keep` the stack. Gives nothing if the
    stack is up already; one of an older build gives way.
    """
    began = time.monotonic()
    with locked(files):
        if known := running(files):
            if environment or parameters:
                raise StartError(f"The stack {files.name!r} is up with other settings: end it or give another --name")
            if known.get("build") == build():
                return None
            say(f"The stack {files.name!r} is of an older build: it is started anew.")
        end(files)
        files.logs.mkdir(parents=True, exist_ok=True)
        for old in files.logs.glob("*.log"):
            old.unlink()
        try:
            supervisor, endpoint = start_emulator(files, environment)
            say("Deploying template.yaml …")
            outputs = deploy(endpoint, dict(parameter.split("=", 1) for parameter in parameters))
            say("Adding a demo customer …")
            admin_env = ROOT | {"AWS_ENDPOINT_URL": endpoint, "DIRECTORY_TABLE": outputs["DirectoryTable"]}
            description: dict[str, Any] = {
                "name": files.name,
                "apiUrl": f"{endpoint}/restapis/{outputs['ApiId']}/live/_user_request_",
                "endpoint": endpoint,
                "region": REGION,
                "build": build(),
                "outputs": outputs,
                "adminEnv": admin_env,
                "logs": str(files.logs),
                **seed(admin_env),
            }
        except BaseException as error:
            end(files)
            if isinstance(error, DeployError):
                raise StartError(f"Not deployed: {error}\nThe emulator's log: {files.logs}/emulator.log") from None
            raise
        command_line.write_profile(files, description)
        # The file says that the stack is up, so it appears complete or not at all.
        unfinished = files.description.with_suffix(".tmp")
        unfinished.write_text(json.dumps(description, indent=2) + "\n")
        unfinished.rename(files.description)
    say(f"Up after {time.monotonic() - began:.1f} s.")
    return supervisor


def keep(supervisor: subprocess.Popen[bytes]) -> None:
    """Lets the stack run on without its starter."""
    assert supervisor.stdin is not None
    supervisor.stdin.write(KEEP)
    supervisor.stdin.close()


def start_emulator(files: StackFiles, environment: list[str]) -> tuple[subprocess.Popen[bytes], str]:
    """Starts the supervisor and with it the emulator; gives the supervisor and the emulator's address."""
    for _ in range(ATTEMPTS):
        port = free_port()
        say(f"Starting the AWS emulator on 127.0.0.1:{port} …")
        command = [sys.executable, str(Path(__file__).with_name("supervisor.py"))]
        command += ["--name", files.name, "--port", str(port)]
        for setting in environment:
            command += ["--env", setting]
        with (files.logs / "supervisor.log").open("ab") as log:
            supervisor = subprocess.Popen(
                command,
                # Our end of this pipe closes whatever way we end; that is the supervisor's signal.
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        endpoint = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + START_SECONDS
        while supervisor.poll() is None and time.monotonic() < deadline:
            if answers(endpoint):
                return supervisor, endpoint
            time.sleep(0.05)
        end(files)
    raise StartError(f"The emulator did not start, see {files.logs}/emulator.log")


def end(files: StackFiles) -> bool:
    """Ends what is left of the stack, crashed or not; True if anything was."""
    files.description.unlink(missing_ok=True)
    files.profile.unlink(missing_ok=True)
    try:
        ids = json.loads(files.supervisor.read_text())
    except FileNotFoundError:
        shutil.rmtree(files.temporary, ignore_errors=True)
        return False
    end_process(ids["supervisor"], f"supervisor.py --name {files.name} ", END_SECONDS)
    # The supervisor ends the emulator and its functions, unless it was killed itself.
    kill_group(ids["emulatorGroup"], "-m ministack", str(files.temporary))
    shutil.rmtree(files.temporary, ignore_errors=True)
    files.supervisor.unlink(missing_ok=True)
    return True


def running(files: StackFiles) -> dict[str, Any] | None:
    """The description of the stack if it answers."""
    description = files.read()
    return description if description and answers(description["endpoint"]) else None


def answers(endpoint: str) -> bool:
    """Whether there is an emulator at the address."""
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=5):
        return True
    return False


@contextlib.contextmanager
def locked(files: StackFiles) -> Iterator[None]:
    """Only one process at a time starts or ends a stack of this name."""
    files.folder.mkdir(parents=True, exist_ok=True)
    with files.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Users:
    """Who has a command running on a stack: each holds the file's lock together with the others."""

    def __init__(self, file: IO[str]) -> None:
        self.file = file

    def wait_for_others(self) -> None:
        """Returns when this is the only one."""
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another command still uses the stack: it ends after that (or on Ctrl-C).")
            fcntl.flock(self.file, fcntl.LOCK_EX)


@contextlib.contextmanager
def used(files: StackFiles) -> Iterator[Users]:
    """The stack is in use, so that whoever started it waits with ending it."""
    files.folder.mkdir(parents=True, exist_ok=True)
    with files.users.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield Users(file)


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
