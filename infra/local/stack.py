"""The local stack: `up`, `down`, `status`, `logs`, and `run`, which has one up while a command runs.

A stack is the pinned AWS emulator on a free loopback port, with the project's own template.yaml deployed to it
and a demo customer in it. What is running is described in `.local/<name>/stack.json`.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from command_line import hint
from lifecycle import Settings, StartError, end, keep, running, start
from locks import locked, used
from paths import PROJECT, StackFiles
from processes import die_with_parent
from terminal import say

LOOPBACK = "127.0.0.1,localhost"


def main() -> int:
    arguments = parse(sys.argv[1:])
    files = StackFiles(arguments.name)
    # A proxy that the environment names is not asked for loopback addresses: not by us, nor by what we start.
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), LOOPBACK]))
    # Signals as exceptions, so that the stack is taken down whichever way this ends. A shell that starts this in
    # the background has it ignore SIGINT, so that is said too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    commands = {"up": up, "down": down, "status": status, "logs": logs, "run": run}
    try:
        return commands[arguments.command](files, arguments)
    except StartError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


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
        command.add_argument("--name", type=stack_name, default="demo", help="which stack (default: demo)")
    for name in ("up", "run"):
        parsers[name].add_argument(
            "--env", action="append", default=[], metavar="NAME=VALUE", help="a variable for all functions"
        )
        parsers[name].add_argument(
            "--param", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the template"
        )
        parsers[name].add_argument(
            "--faults", type=stack_name, metavar="PROFILE",
            help="disturb the functions' AWS calls as profiles/PROFILE.json says; `none` only counts them",
        )  # fmt: skip
        parsers[name].add_argument("--seed", type=int, default=1, help="of the dice behind --faults")
        parsers[name].add_argument(
            "--visibility",
            type=int,
            metavar="SECONDS",
            help="when messages of a dead function come again, at the latest",
        )
        parsers[name].add_argument(
            "--dynamodb", metavar="PROGRAM", help="have this program serve DynamoDB, at the port it is given"
        )
    for name in ("up", "run"):
        parsers[name].add_argument("--no-sandbox", action="store_true", help="no gateway, no document queries")
    parsers["up"].add_argument("--foreground", action="store_true", help="end it on Ctrl-C")
    parsers["down"].add_argument("--all", action="store_true", help="end all of this project's stacks")
    parsers["logs"].add_argument("function", nargs="?", help="only this function, for example FanOut")
    parsers["run"].add_argument("--keep", action="store_true", help="leave it up, unless the command is interrupted")
    parsers["run"].add_argument("argv", nargs=argparse.REMAINDER)
    return parser.parse_args(arguments)


def settings(arguments: argparse.Namespace) -> Settings:
    """What was said about the stack that is to be."""
    environment, parameters = tuple(arguments.env), tuple(arguments.param)
    sandbox = not arguments.no_sandbox
    seed, visibility = arguments.seed, arguments.visibility
    return Settings(environment, parameters, arguments.faults, seed, visibility, sandbox, arguments.dynamodb)


def stack_name(text: str) -> str:
    """A name that is a folder's name and nothing else."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", text):
        raise argparse.ArgumentTypeError("small letters, digits and dashes only")
    return text


def up(files: StackFiles, arguments: argparse.Namespace) -> int:
    supervisor = start(files, settings(arguments))
    description = running(files)
    if description is None:
        raise StartError(f"The stack {files.name!r} ended at once, see {files.logs}")
    if supervisor is None:
        say(f"The stack {files.name!r} is up already.")
        show(description)
        return 0
    show(description)
    if not arguments.foreground:
        keep(supervisor)
        return 0
    say("Ctrl-C ends it.")
    try:
        return supervisor.wait()
    finally:
        take_down(files)


def down(files: StackFiles, arguments: argparse.Namespace) -> int:
    for one in StackFiles.all() if arguments.all else [files]:
        with locked(one):
            ended = end(one)
        if ended or not arguments.all:
            say(f"The stack {one.name!r} is down." if ended else f"The stack {one.name!r} was not up.")
    return 0


def status(files: StackFiles, _: argparse.Namespace) -> int:
    description = running(files)
    if description is None:
        say(f"The stack {files.name!r} is not up. Start it with `make up`.")
        return 1
    show(description)
    return 0


def logs(files: StackFiles, arguments: argparse.Namespace) -> int:
    found = [
        path
        for path in sorted(files.logs.glob("*.log"))
        if path.stem == arguments.function or (arguments.function is None and path.stem[0].isupper())
    ]
    for path in found:
        print(f"── {path.stem} ── {path.relative_to(PROJECT)}")
        print(path.read_text(errors="replace"), end="")
    if not found:
        say(f"No such logs in {files.logs}")
    return 0 if found else 1


def run(files: StackFiles, arguments: argparse.Namespace) -> int:
    """Uses a stack that is up, or has one up for the command and, without --keep, takes it down again."""
    command = arguments.argv[1:] if arguments.argv[:1] == ["--"] else arguments.argv
    if not command:
        say("stack.py run: a command is missing after --")
        return 2
    with used(files) as users:
        # As long as this is kept, the stack stays up; it ends with this process at the latest.
        supervisor = start(files, settings(arguments))
        try:
            status = call(command, files)
            if supervisor and arguments.keep:
                keep(supervisor)
                supervisor = None
                say(
                    "The local stack stays up for `make import`. `make logs` shows what it logged, `make down` ends it."
                )
            return status
        finally:
            if supervisor:
                users.wait_for_others()
                take_down(files)


def call(command: list[str], files: StackFiles) -> int:
    # PYTHON: for tests that run the other programs of this folder.
    environment = os.environ | {"STACK": str(files.description), "PYTHON": sys.executable}
    return subprocess.call(command, env=environment, preexec_fn=die_with_parent)


def take_down(files: StackFiles) -> None:
    with locked(files):
        end(files)


def show(description: dict[str, Any]) -> None:
    facilities = ", ".join(description["facilities"])
    say(
        f"  API         {description['apiUrl']}\n"
        f"  API key     {description['apiKey']}\n"
        f"  facilities  {facilities}\n"
        f"  logs        {Path(description['logs']).relative_to(PROJECT)}/\n"
        f"  import      {hint(StackFiles(description['name']))}",
    )


if __name__ == "__main__":
    sys.exit(main())
