"""Has emulators of AWS that are not the local stack's up while a command runs: `emulators.py -- COMMAND …`.

They are moto and, where it is installed, dynalite. The command finds their addresses in the variables MOTO and
DYNALITE. They end when the command ends or when this program is killed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from children import Child, end_group, start
from lifecycle import ATTEMPTS, START_SECONDS, StartError, free_port
from paths import PROJECT, STACKS
from processes import die_with_parent
from terminal import say

LOGS = STACKS / "emulators"
DYNALITE = PROJECT / "tests/ports/dynalite/node_modules/dynalite/cli.js"


def programs() -> dict[str, list[str]]:
    """The command of each emulator; the port comes last."""
    found = {"moto": [str(PROJECT / ".venv-moto/bin/python"), str(Path(__file__).with_name("moto_server.py"))]}
    if (node := shutil.which("node")) and DYNALITE.exists():
        # Tables are there after a moment, not at once and not after the half second that is the default.
        found["dynalite"] = [node, str(DYNALITE), "--host", "127.0.0.1", "--createTableMs", "10", "--port"]
    return found


@contextlib.contextmanager
def up(name: str, program: list[str], logs: Path = LOGS) -> Iterator[str]:
    """Starts an emulator on a free port, gives its address, and ends it."""
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"{name}.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    for _ in range(ATTEMPTS):
        port = free_port()
        child = start([*program, str(port)], log, environment)
        try:
            if is_ready(child, port):
                yield f"http://127.0.0.1:{port}"
                return
        finally:
            end_group(child)
    raise StartError(f"{name} did not start, see {log}")


def is_ready(child: Child, port: int) -> bool:
    """Waits until the program listens; False if it ends before or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while child.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        time.sleep(0.05)
    return False


def main() -> int:
    command = sys.argv[2:] if sys.argv[1:2] == ["--"] else sys.argv[1:]
    # As exceptions, so that the emulators are ended whichever way this ends.
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
