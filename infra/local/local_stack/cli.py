"""The command line of the local stack: `local-stack up|down|status|logs|run|invoke`.

A stack is a pinned AWS emulator on free loopback ports with the project's template.yaml deployed to it and a demo
customer in it. `.local/NAME/stack.json` describes a stack that is up.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from local_stack import rie
from local_stack.customer import command_line
from local_stack.description import VARIABLE, Stack
from local_stack.lifecycle import StartError, Supervisor, keep, running, say, start, stop
from local_stack.locks import exclusive, in_use, unused
from local_stack.paths import PROJECT, StackFiles
from local_stack.processes import die_with_parent
from local_stack.services import Settings

LOOPBACK = "127.0.0.1,localhost"
USAGE_ERROR = 2
#: The signals that asked this process to end. Python drops an exception that a signal's handler raises while a
#: `__del__` method runs, such as that of a lock. Therefore `call` looks here, too.
asked_to_end: list[int] = []
LOOK_SECONDS = 0.2


def main() -> int:
    """Runs the command that the command line names, and returns the exit status."""
    arguments = parse(sys.argv[1:])
    files = StackFiles(arguments.name)
    # The proxy of the environment, if there is one, cannot reach loopback addresses of this machine.
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), LOOPBACK]))
    # SIGINT is named, because a shell lets a command in the background ignore it.
    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    commands = {"up": up, "down": down, "status": status, "logs": logs, "run": run, "invoke": invoke}
    try:
        return commands[arguments.command](files, arguments)
    except StartError as error:
        say(str(error))
        return 1


def end(number: int, _frame: object) -> None:
    """Turns a signal into an exception, so that the `finally` blocks stop the stack."""
    asked_to_end.append(number)
    sys.exit(128 + number)


def parse(arguments: list[str]) -> argparse.Namespace:
    """Returns what the command line says."""
    parser = argparse.ArgumentParser(prog="local-stack", description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    up_help = "start a stack and leave it up"
    run_help = f"run a command on a stack, which the command finds by the variable {VARIABLE}"
    parsers = {
        name: commands.add_parser(name, help=text)
        for name, text in {
            "up": up_help,
            "down": "stop the stack",
            "status": "print the addresses of the stack",
            "logs": "print what the functions logged",
            "run": run_help,
            "invoke": "send an event to one function",
        }.items()
    }
    for command in parsers.values():
        command.add_argument("--name", type=stack_name, default="demo", help="name of the stack (default: demo)")
    for name in ("up", "run"):
        add_settings(parsers[name])
    parsers["up"].add_argument("--foreground", action="store_true", help="stop the stack on Ctrl-C")
    parsers["down"].add_argument("--all", action="store_true", help="stop all stacks of this project")
    parsers["logs"].add_argument("function", nargs="?", help="only this function, for example FanOut")
    parsers["run"].add_argument("--keep", action="store_true", help="leave the stack up, unless Ctrl-C interrupts")
    parsers["run"].add_argument("argv", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    parsers["invoke"].add_argument("function", help="the function's folder below functions/, for example fan-out")
    parsers["invoke"].add_argument("event", type=Path, nargs="?", help="default: tests/events/FUNCTION.json")
    return parser.parse_args(arguments)


def add_settings(command: argparse.ArgumentParser) -> None:
    """Adds the options that become `Settings`."""
    add = command.add_argument
    add("--env", action="append", default=[], metavar="NAME=VALUE", help="a variable for all functions")
    add("--param", action="append", default=[], metavar="NAME=VALUE", help="a parameter of the template")
    faults_help = "let AWS calls fail by tests/fault_proxy/profiles/PROFILE.json; `none` only counts the calls"
    add("--faults", type=stack_name, metavar="PROFILE", help=faults_help)
    add("--seed", type=int, default=1, help="seed of the random numbers behind --faults")
    visibility_help = "upper bound for the visibility timeout of the queues that functions read"
    add("--visibility", type=int, metavar="SECONDS", help=visibility_help)
    add("--dynamodb", metavar="PROGRAM", help="let this program serve DynamoDB at the port that it gets")
    add("--no-sandbox", action="store_true", help="no document gateway, so no document queries")


def settings(arguments: argparse.Namespace) -> Settings:
    """Returns the settings that the command line names."""
    return Settings(
        environment=tuple(arguments.env),
        parameters=tuple(arguments.param),
        faults=arguments.faults,
        seed=arguments.seed,
        visibility=arguments.visibility,
        sandbox=not arguments.no_sandbox,
        dynamodb=arguments.dynamodb,
    )


def stack_name(text: str) -> str:
    """Returns a name that is safe as the name of a folder, and raises an error for any other text."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", text):
        raise argparse.ArgumentTypeError("small letters, digits and dashes only")
    return text


def up(files: StackFiles, arguments: argparse.Namespace) -> int:
    """Starts a stack. Leaves it up, or stops it on Ctrl-C."""
    supervisor = start(files, settings(arguments))
    stack = running(files)
    if stack is None:
        raise StartError(f"The stack {files.name!r} ended at once, see {files.logs}")
    if supervisor is None:
        say(f"The stack {files.name!r} is up already.")
    show(stack)
    if supervisor and arguments.foreground:
        say("Ctrl-C stops it.")
        try:
            return supervisor.wait()
        finally:
            take_down(files)
    if supervisor:
        keep(supervisor)
    return 0


def down(files: StackFiles, arguments: argparse.Namespace) -> int:
    """Stops one stack, or all."""
    for one in StackFiles.all() if arguments.all else [files]:
        stopped = take_down(one)
        if stopped or not arguments.all:
            say(f"The stack {one.name!r} is down." if stopped else f"The stack {one.name!r} was not up.")
    return 0


def status(files: StackFiles, _: argparse.Namespace) -> int:
    """Prints the addresses of the stack."""
    stack = running(files)
    if stack is None:
        say(f"The stack {files.name!r} is not up. `make up` starts it.")
        return 1
    show(stack)
    return 0


def logs(files: StackFiles, arguments: argparse.Namespace) -> int:
    """Prints the logs of one function, or of all. The logs of services begin with a small letter."""
    wanted = arguments.function
    found = [
        path for path in sorted(files.logs.glob("*.log")) if (path.stem == wanted if wanted else path.stem[0].isupper())
    ]
    for path in found:
        print(f"── {path.stem} ── {path.relative_to(PROJECT)}")
        print(path.read_text(errors="replace"), end="")
    if not found:
        say(f"There are no such logs in {files.logs}")
    return 0 if found else 1


def run(files: StackFiles, arguments: argparse.Namespace) -> int:
    """Runs a command on a stack that is up, or starts one for it and, without --keep, stops it afterwards."""
    command = arguments.argv[1:] if arguments.argv[:1] == ["--"] else arguments.argv
    if not command:
        say("local-stack run: a command is missing after --")
        return USAGE_ERROR
    supervisor: Supervisor | None = None
    try:
        with in_use(files):
            # The stack stops with this process at the latest, because the supervisor's standard input closes then.
            supervisor = start(files, settings(arguments))
            status = call(command, files)
        if supervisor and arguments.keep:
            keep(supervisor)
            supervisor = None
            say("The local stack stays up for `make import`. `make logs` shows what it logged, `make down` stops it.")
        return status
    finally:
        if supervisor:
            with unused(files):
                take_down(files)


def call(command: list[str], files: StackFiles) -> int:
    """Runs a command and returns its exit status. The command finds this Python by the variable PYTHON."""
    environment = os.environ | {VARIABLE: str(files.description), "PYTHON": sys.executable}
    with subprocess.Popen(command, env=environment, preexec_fn=die_with_parent) as child:
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    return child.wait(LOOK_SECONDS)
                if asked_to_end:
                    sys.exit(128 + asked_to_end[0])
        except BaseException:
            child.kill()
            raise


def invoke(files: StackFiles, arguments: argparse.Namespace) -> int:
    """Sends an event to one function and prints the answer. Returns 1 if the answer is an error."""
    named = os.environ.get(VARIABLE)
    stack = Stack.read(Path(named) if named else files.description)
    if stack is None:
        raise StartError("No local stack is up: run `make up`")
    event = arguments.event or PROJECT / "tests" / "events" / f"{arguments.function}.json"
    if not event.is_file():
        say(f"{event} is not a file")
        return USAGE_ERROR
    answer = rie.invoke(arguments.function, event, stack)
    print(answer)
    return 1 if rie.is_error(answer) else 0


def take_down(files: StackFiles) -> bool:
    """Stops a stack. Returns whether it was up."""
    with exclusive(files):
        return stop(files)


def show(stack: Stack) -> None:
    """Prints what a user needs to use the stack."""
    say(
        f"  API         {stack.api_url}\n"
        f"  API key     {stack.api_key}\n"
        f"  facilities  {', '.join(stack.facilities)}\n"
        f"  logs        {Path(stack.logs).relative_to(PROJECT)}/\n"
        f"  import      {command_line(StackFiles(stack.name))}"
    )


if __name__ == "__main__":
    sys.exit(main())
