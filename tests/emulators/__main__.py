"""Runs a command while emulators of AWS are up: `python -m tests.emulators -- COMMAND …`.

They are moto and, where it is installed, dynalite. The command finds their addresses in the variables MOTO and
DYNALITE. They stop when the command ends or when this program is killed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from local_stack.lifecycle import ATTEMPTS, START_SECONDS, StartError, say
from local_stack.paths import PROJECT, STACKS
from local_stack.processes import die_with_parent, free_port, listens, start, stop_group

LOGS = STACKS / "emulators"
DYNALITE = PROJECT / "tests/ports/dynalite/node_modules/dynalite/cli.js"


def programs() -> dict[str, list[str]]:
    """Returns the command of each emulator, to which its port is added."""
    found = {"moto": [str(PROJECT / ".venv-moto/bin/python"), str(Path(__file__).with_name("moto_server.py"))]}
    if (node := shutil.which("node")) and DYNALITE.exists():
        # A table exists after 10 ms. On AWS it does not exist at once either, but dynalite's default is half a second.
        found["dynalite"] = [node, str(DYNALITE), "--host", "127.0.0.1", "--createTableMs", "10", "--port"]
    return found


@contextlib.contextmanager
def up(name: str, program: list[str], logs: Path = LOGS) -> Iterator[str]:
    """Starts an emulator on a free port, yields its address, and stops it.

    Raises `StartError` if it does not listen in time.
    """
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"{name}.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    for _ in range(ATTEMPTS):
        port = free_port()
        child = start([*program, str(port)], log, environment)
        try:
            if listens(child, port, START_SECONDS):
                yield f"http://127.0.0.1:{port}"
                return
        finally:
            stop_group(child)
    raise StartError(f"{name} did not start, see {log}")


def main() -> int:
    """Runs the command and returns its exit status."""
    command = sys.argv[2:] if sys.argv[1:2] == ["--"] else sys.argv[1:]
    # Signals become exceptions, so that `up` stops the emulators.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        with contextlib.ExitStack() as running:
            addresses = {name.upper(): running.enter_context(up(name, program)) for name, program in programs().items()}
            return subprocess.call(command, env=os.environ | addresses, preexec_fn=die_with_parent)
    except StartError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
