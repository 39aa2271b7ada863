"""The local stack: `up`, `down`, `status`, `logs`, and `run`, which has one up while a command runs.

A stack is the pinned AWS emulator on a free loopback port, with the project's own template.yaml deployed to it
and a demo customer in it. What is running is described in `.local/<name>/stack.json`.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aws import REGION, ROOT
from deploy import DeployError, deploy
from paths import PROJECT, StackFiles
from processes import die_with_parent
from seed import seed

START_SECONDS = 60
END_SECONDS = 15


def main() -> int:
    arguments = parse(sys.argv[1:])
    files = StackFiles(arguments.name)
    if arguments.command == "up":
        return up(files, arguments)
    if arguments.command == "down":
        return down(files)
    if arguments.command == "status":
        return status(files)
    if arguments.command == "logs":
        return logs(files, arguments.function)
    return run(files, arguments)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    described = {
        "up": "start a stack and leave it running",
        "down": "end it",
        "status": "say what is running where",
        "logs": "print the functions' logs",
        "run": "have a stack up while a command runs; the command finds it by the variable STACK",
    }
    parsers = {name: commands.add_parser(name, help=text) for name, text in described.items()}
    for command in parsers.values():
        command.add_argument("--name", default="demo", help="which stack (default: demo)")
    for name in ("up", "run"):
        parsers[name].add_argument("--env", action="append", default=[], metavar="NAME=VALUE")
        parsers[name].add_argument("--param", action="append", default=[], metavar="NAME=VALUE")
    parsers["logs"].add_argument("function", nargs="?", help="only this function, for example FanOut")
    parsers["run"].add_argument("argv", nargs=argparse.REMAINDER)
    return parser.parse_args(arguments)


def up(files: StackFiles, arguments: argparse.Namespace) -> int:
    if description := running(files):
        say(f"The stack {files.name!r} is up already.")
        show(description)
        return 0
    start(files, arguments, until_parent_dies=False)
    show(running(files) or {})
    return 0


def down(files: StackFiles) -> int:
    with locked(files):
        ended = end(files)
    say(f"The stack {files.name!r} is down." if ended else f"The stack {files.name!r} was not up.")
    return 0


def status(files: StackFiles) -> int:
    description = running(files)
    if description is None:
        say(f"The stack {files.name!r} is not up. Start it with `make up`.")
        return 1
    show(description)
    return 0


def logs(files: StackFiles, function: str | None) -> int:
    for path in sorted(files.logs.glob("*.log")):
        if path.stem == function or (function is None and path.stem != "emulator"):
            print(f"── {path.stem} ── {path.relative_to(PROJECT)}")
            print(path.read_text(errors="replace"), end="")
    return 0


def run(files: StackFiles, arguments: argparse.Namespace) -> int:
    """Uses a stack that is up, or has one up for the command and takes it down again."""
    command = arguments.argv[1:] if arguments.argv[:1] == ["--"] else arguments.argv
    if not command:
        raise SystemExit("stack.py run: a command is missing after --")
    mine = running(files) is None
    # SIGTERM as an exception, so that the stack is taken down whichever way this ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if mine:
            start(files, arguments, until_parent_dies=True)
        # PYTHON: for tests that run the other programs of this folder.
        return subprocess.call(
            command,
            env=os.environ | {"STACK": str(files.description), "PYTHON": sys.executable},
            preexec_fn=die_with_parent,
        )
    except KeyboardInterrupt:
        return 130
    finally:
        if mine:
            with locked(files):
                end(files)


def start(files: StackFiles, arguments: argparse.Namespace, *, until_parent_dies: bool) -> None:
    """Starts the emulator, deploys, seeds, and describes the stack; nothing is left if any of it fails."""
    began = time.monotonic()
    with locked(files):
        end(files)
        for folder in (files.logs, files.temporary):
            folder.mkdir(parents=True, exist_ok=True)
            for old in folder.glob("*.log"):
                old.unlink()
        port = free_port()
        say(f"Starting the AWS emulator on 127.0.0.1:{port} …")
        try:
            start_supervisor(files, port, arguments.env, until_parent_dies)
            endpoint = f"http://127.0.0.1:{port}"
            wait_for(endpoint, files)
            say("Deploying template.yaml …")
            outputs = deploy(endpoint, dict(parameter.split("=", 1) for parameter in arguments.param))
            admin_env = ROOT | {"AWS_ENDPOINT_URL": endpoint, "DIRECTORY_TABLE": outputs["DirectoryTable"]}
            say("Adding a demo customer …")
            description: dict[str, Any] = {
                "name": files.name,
                "apiUrl": f"{endpoint}/restapis/{outputs['ApiId']}/live/_user_request_",
                "endpoint": endpoint,
                "region": REGION,
                "outputs": outputs,
                "adminEnv": admin_env,
                "logs": str(files.logs),
                **seed(admin_env),
            }
        except BaseException as error:
            end(files)
            if isinstance(error, DeployError):
                raise SystemExit(f"Not deployed: {error}\nThe emulator's log: {files.logs}/emulator.log") from None
            raise
        # The file says that the stack is up, so it appears complete or not at all.
        unfinished = files.description.with_suffix(".tmp")
        unfinished.write_text(json.dumps(description, indent=2) + "\n")
        unfinished.rename(files.description)
    say(f"Up after {time.monotonic() - began:.1f} s.")


def start_supervisor(files: StackFiles, port: int, extra: list[str], until_parent_dies: bool) -> None:
    command = [sys.executable, str(Path(__file__).with_name("supervisor.py"))]
    command += ["--name", files.name, "--port", str(port)]
    for setting in extra:
        command += ["--env", setting]
    if until_parent_dies:
        command.append("--until-stdin-closes")
    process = subprocess.Popen(
        command,
        # Our end of this pipe closes whatever way we end; that is the supervisor's signal.
        stdin=subprocess.PIPE if until_parent_dies else subprocess.DEVNULL,
        stdout=(files.logs / "supervisor.log").open("wb"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    # Kept for the life of this process: collecting the object would close the pipe.
    start_supervisor.kept = process  # type: ignore[attr-defined]


def wait_for(endpoint: str, files: StackFiles) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=2):
            return
        time.sleep(0.1)
    raise SystemExit(f"The emulator is not ready after {START_SECONDS} s, see {files.logs}/emulator.log")


def end(files: StackFiles) -> bool:
    """Ends what is left of the stack, crashed or not; True if anything was."""
    try:
        processes = json.loads(files.supervisor.read_text())
    except FileNotFoundError:
        files.description.unlink(missing_ok=True)
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(processes["supervisor"], signal.SIGTERM)
    deadline = time.monotonic() + END_SECONDS
    while time.monotonic() < deadline and alive(processes["supervisor"]):
        with contextlib.suppress(ChildProcessError):
            os.waitpid(processes["supervisor"], os.WNOHANG)
        time.sleep(0.05)
    # The supervisor is gone, or it was killed before and left the group behind.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(processes["emulatorGroup"], signal.SIGKILL)
    files.description.unlink(missing_ok=True)
    files.supervisor.unlink(missing_ok=True)
    return True


def running(files: StackFiles) -> dict[str, Any] | None:
    """The description of the stack if it answers."""
    description = files.read()
    if description is None:
        return None
    try:
        with urllib.request.urlopen(f"{description['endpoint']}/_ministack/health", timeout=5):
            return description
    except OSError:
        return None


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@contextlib.contextmanager
def locked(files: StackFiles) -> Iterator[None]:
    """Only one process at a time starts or ends a stack of this name."""
    files.folder.mkdir(parents=True, exist_ok=True)
    with files.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def show(description: dict[str, Any]) -> None:
    facilities = ", ".join(description["facilities"])
    say(
        f"  API         {description['apiUrl']}\n"
        f"  API key     {description['apiKey']}\n"
        f"  facilities  {facilities}\n"
        f"  logs        {Path(description['logs']).relative_to(PROJECT)}/",
    )


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
