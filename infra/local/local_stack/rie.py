"""Sends an event to one function through Lambda's runtime interface emulator, without a container.

`sam local invoke` starts the same emulator inside a container, and the Python package aws-sam-cli contains it. The
function gets the environment that it has on the local stack, and calls that stack.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local_stack.aws import ROOT, client
from local_stack.deploy import STACK_NAME
from local_stack.description import Stack
from local_stack.paths import PROJECT, binary_of
from local_stack.processes import free_ports, listens, start, stop_group
from local_stack.template import functions, host_architecture, load_template

START_SECONDS = 20
STOP_SECONDS = 15
#: Lambda stops any function after 15 minutes.
ANSWER_SECONDS = 900
#: Lines in which the emulator logs its own states. Its errors are other lines.
ABOUT_ITSELF = re.compile(r"\[INFO\] \(rapid\)|Reset initiated: SandboxTerminated")
#: The variables that a function has on the local stack besides its own.
LOCAL = {"ALLOW_LOOPBACK_WEBHOOKS": "true", "GATEWAY_ALLOW_LOOPBACK": "true", **ROOT}


def emulator() -> Path:
    """Returns the runtime interface emulator for this machine, out of aws-sam-cli."""
    if sys.platform != "linux":
        raise SystemExit("The runtime interface emulator runs on Linux only: use `sam local invoke`, in a container")
    name = f"lib/python*/site-packages/samcli/local/rapid/aws-lambda-rie-{host_architecture()}"
    found = next((PROJECT / ".venv-tools").glob(name), None)
    if found is None:
        raise SystemExit("The runtime interface emulator is not installed: run `make tools`")
    found.chmod(found.stat().st_mode | 0o111)
    return found


def variables(logical_name: str, endpoint: str) -> dict[str, str]:
    """Returns the environment variables of a deployed function."""
    cloudformation, functions_api = client("cloudformation", endpoint), client("lambda", endpoint)
    resource = cloudformation.describe_stack_resource(StackName=STACK_NAME, LogicalResourceId=logical_name)
    name = resource["StackResourceDetail"]["PhysicalResourceId"]
    found: dict[str, str] = functions_api.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    return found


def process_environment(of_function: dict[str, str]) -> dict[str, str]:
    """Returns the complete environment of a function's process, given the variables of the deployed function."""
    return {"PATH": os.environ["PATH"], **LOCAL, **of_function}


@dataclass(frozen=True)
class Served:
    """A function under the emulator."""

    #: The URL that takes events.
    url: str
    #: The process id of the emulator, which is the parent of the function's process.
    emulator: int


@contextlib.contextmanager
def serving(name: str, of_function: dict[str, str], *, quiet: bool = False) -> Iterator[Served]:
    """Serves the function of the folder `name` under the emulator, which starts its process with the first event.

    Prints at the end what the emulator and the function logged, unless `quiet`.
    """
    listen, runtime_api = free_ports(2)
    command = [str(emulator()), "--runtime-interface-emulator-address", f"127.0.0.1:{listen}"]
    command += ["--runtime-api-address", f"127.0.0.1:{runtime_api}", str(binary_of(name))]
    with tempfile.TemporaryDirectory(prefix=f"rie-{name}-") as folder:
        log = Path(folder) / "log"
        process = start(command, log, process_environment(of_function))
        try:
            if not listens(process, listen, START_SECONDS):
                raise SystemExit("The runtime interface emulator did not start")
            yield Served(f"http://127.0.0.1:{listen}/2015-03-31/functions/function/invocations", process.pid)
        finally:
            stop_group(process, grace=STOP_SECONDS)
            logged = log.read_text(errors="replace").splitlines(keepends=True)
            if not quiet:
                sys.stderr.writelines(line for line in logged if not ABOUT_ITSELF.search(line))


def send(url: str, event: bytes) -> bytes:
    """Sends an event and returns the function's answer. Raises `HTTPError` if the function crashes."""
    with urllib.request.urlopen(url, data=event, timeout=ANSWER_SECONDS) as answer:
        answered: bytes = answer.read()
        return answered


def invoke(function: str, event: Path, stack: Stack) -> str:
    """Sends an event to the function of the folder `function`, and returns its answer."""
    by_folder = {folder: name for name, folder in functions(load_template()).items()}
    if function not in by_folder:
        raise SystemExit(f"There is no function {function!r}; there are {', '.join(sorted(by_folder))}")
    of_function = variables(by_folder[function], stack.endpoint) | {"AWS_ENDPOINT_URL": stack.endpoint}
    with serving(function, of_function) as served:
        try:
            return send(served.url, event.read_bytes()).decode()
        except urllib.error.HTTPError as error:
            raise SystemExit(f"The function crashed, see above. {error.read().decode(errors='replace')}") from None


def is_error(answer: str) -> bool:
    """Returns whether an answer is an error, as Lambda writes errors."""
    try:
        value = json.loads(answer)
    except ValueError:
        return False
    return isinstance(value, dict) and {"errorType", "errorMessage"} <= value.keys()
