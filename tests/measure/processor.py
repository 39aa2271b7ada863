"""What the processes of a local stack use of the processor (Linux only)."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path

import psutil

from local_stack.description import Stack
from local_stack.paths import StackFiles
from local_stack.processes import environment, of_stack

#: Both voluntary and nonvoluntary.
SWITCHES = re.compile(r"voluntary_ctxt_switches:\s+(\d+)")
#: Services by a part of their command line. The other services take no part in an import.
SERVICES = {"ministack": "emulator", "examples/dynamodb": "DynamoDB"}


@dataclass(frozen=True)
class Usage:
    """The processor's time of some processes."""

    seconds: float = 0.0
    #: Context switches: each answer that arrives alone wakes the thread that waits for it.
    switches: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.seconds + other.seconds, self.switches + other.switches)

    def __sub__(self, other: Usage) -> Usage:
        return Usage(self.seconds - other.seconds, self.switches - other.switches)


def functions_of(stack: Stack) -> list[tuple[psutil.Process, str]]:
    """Returns the processes of the stack's functions, each with the name of its function in AWS."""
    found = ((one, environment(one).get("AWS_LAMBDA_FUNCTION_NAME")) for one in of_stack(StackFiles(stack.name)))
    return [(process, name) for process, name in found if name]


def usage(stack: Stack) -> dict[str, Usage]:
    """Returns the usage of each function, by its name in AWS, and of the services, since their processes started."""
    functions = {process.pid: name for process, name in functions_of(stack)}
    found: dict[str, Usage] = {}
    for process in of_stack(StackFiles(stack.name)):
        with contextlib.suppress(psutil.NoSuchProcess, OSError):
            command = " ".join(process.cmdline())
            service = next((name for mark, name in SERVICES.items() if mark in command), None)
            times = process.cpu_times()
            # psutil counts the context switches of the first thread only.
            threads = [one.read_text() for one in Path(f"/proc/{process.pid}/task").glob("*/status")]
            switches = sum(int(number) for status in threads for number in SWITCHES.findall(status))
            if name := functions.get(process.pid) or service:
                found[name] = found.get(name, Usage()) + Usage(times.user + times.system, switches)
    return found


def milliseconds(pid: int) -> float:
    """Returns the processor's time of a process, more exactly than psutil, which counts in steps of 10 ms."""
    total = 0
    for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):
            total += int(task.read_text().split()[0])
    return total / 1e6
