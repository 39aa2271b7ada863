"""Sends an event to one function through Lambda's runtime interface emulator, without containers.

`sam local invoke` starts the same emulator inside a container; aws-sam-cli carries it. The function gets the
variables that it has in the running local stack, and talks to that stack.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aws import ROOT, client
from deploy import STACK_NAME, functions, host_architecture, load_template
from lifecycle import END_SECONDS, free_port
from paths import BINARIES, PROJECT, StackFiles
from processes import die_with_parent

START_SECONDS = 20
#: As long as the slowest function may take.
ANSWER_SECONDS = 900
#: What the emulator notes about its own states; its errors are not among these.
ABOUT_ITSELF = re.compile(r"\[INFO\] \(rapid\)|Reset initiated: SandboxTerminated")


def emulator() -> Path:
    """The runtime interface emulator for this machine, out of aws-sam-cli."""
    processor = host_architecture()
    found = list(
        (PROJECT / ".venv-tools").glob(f"lib/python*/site-packages/samcli/local/rapid/aws-lambda-rie-{processor}")
    )
    if not found:
        raise SystemExit("The runtime interface emulator is not installed: run `make tools`")
    if sys.platform != "linux":
        raise SystemExit("The runtime interface emulator runs on Linux only: use `sam local invoke`, in a container")
    return found[0]


def variables(logical_name: str, endpoint: str) -> dict[str, str]:
    """The environment of a deployed function."""
    cloudformation, functions_api = client("cloudformation", endpoint), client("lambda", endpoint)
    resource = cloudformation.describe_stack_resource(StackName=STACK_NAME, LogicalResourceId=logical_name)
    name = resource["StackResourceDetail"]["PhysicalResourceId"]
    return functions_api.get_function_configuration(FunctionName=name)["Environment"]["Variables"]


#: What a function has besides its own variables on the local stack.
LOCAL = {"ALLOW_LOOPBACK_WEBHOOKS": "true", "GATEWAY_ALLOW_LOOPBACK": "true", **ROOT}


def around(environment: dict[str, str]) -> dict[str, str]:
    """These variables, and what a function has around them on the local stack."""
    return {"PATH": os.environ["PATH"], **LOCAL, **environment}


@dataclass(frozen=True)
class Served:
    """A function under the emulator: where to send events to, and the emulator's process, whose child it becomes."""

    url: str
    emulator: int


@contextlib.contextmanager
def serving(binary: str, environment: dict[str, str], *, quiet: bool = False) -> Iterator[Served]:
    """Has the function run under the emulator, which starts it with its first event. At the end, prints what both
    logged, unless `quiet`."""
    listen, runtime_api = free_port(), free_port()
    program = emulator()
    program.chmod(program.stat().st_mode | 0o111)
    command = [str(program), "--runtime-interface-emulator-address", f"127.0.0.1:{listen}"]
    command += ["--runtime-api-address", f"127.0.0.1:{runtime_api}", str(BINARIES / binary)]
    with tempfile.NamedTemporaryFile(prefix=f"rie-{binary}-", suffix=".log") as log:
        process = subprocess.Popen(
            command,
            env=around(environment),
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,
        )
        try:
            yield Served(f"http://127.0.0.1:{listen}/2015-03-31/functions/function/invocations", process.pid)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            log.seek(0)
            said = log.read().decode(errors="replace").splitlines(keepends=True)
            if not quiet:
                sys.stderr.writelines(line for line in said if not ABOUT_ITSELF.search(line))


def invoke(function: str, event: Path, stack: dict[str, str]) -> str:
    """Sends the event and gives the function's answer."""
    by_binary = {binary: name for name, binary in functions(load_template()).items()}
    if function not in by_binary:
        raise SystemExit(f"There is no function {function!r}; there are {', '.join(sorted(by_binary))}")
    environment = variables(by_binary[function], stack["endpoint"]) | {"AWS_ENDPOINT_URL": stack["endpoint"]}
    with serving(function, environment) as served:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with urllib.request.urlopen(served.url, data=event.read_bytes(), timeout=ANSWER_SECONDS) as answer:
                    return answer.read().decode()
            except urllib.error.HTTPError as error:
                raise SystemExit(f"The function crashed, see above. {error.read().decode(errors='replace')}") from None
            except OSError:
                # The emulator does not listen yet.
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


def is_error(answer: str) -> bool:
    """Whether the function answered with an error, as Lambda writes it."""
    try:
        value = json.loads(answer)
    except ValueError:
        return False
    return isinstance(value, dict) and {"errorType", "errorMessage"} <= value.keys()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("function", help="the function's folder below functions/, for example fan-out")
    parser.add_argument("event", type=Path, nargs="?", help="default: tests/events/FUNCTION.json")
    parser.add_argument("--name", default="demo", help="the stack to talk to")
    arguments = parser.parse_args()
    described = os.environ.get("STACK")
    stack = json.loads(Path(described).read_text()) if described else StackFiles(arguments.name).read()
    if stack is None:
        raise SystemExit("No local stack is up: run `make up`")
    event = arguments.event or PROJECT / "tests" / "events" / f"{arguments.function}.json"
    if not event.is_file():
        parser.error(f"{event} is not a file")
    answer = invoke(arguments.function, event, stack)
    print(answer)
    return 1 if is_error(answer) else 0


if __name__ == "__main__":
    sys.exit(main())
