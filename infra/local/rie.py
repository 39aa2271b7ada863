"""Sends an event to one function through Lambda's runtime interface emulator, without containers.

`sam local invoke` starts the same emulator inside a container; aws-sam-cli carries it. The function gets the
variables that it has in the running local stack, and talks to that stack.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from aws import ROOT, client
from deploy import STACK_NAME, functions, load_template
from lifecycle import END_SECONDS, free_port
from paths import BINARIES, PROJECT, StackFiles

START_SECONDS = 20


def emulator() -> Path:
    """The runtime interface emulator for this machine, out of aws-sam-cli."""
    processor = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
    found = list((PROJECT / ".venv-tools").glob(f"lib/python*/site-packages/samcli/local/rapid/aws-lambda-rie-{processor}"))
    if not found:
        raise SystemExit("The runtime interface emulator is not installed: run `make tools`")
    return found[0]


def variables(logical_name: str, endpoint: str) -> dict[str, str]:
    """The environment of a deployed function."""
    cloudformation, functions_api = client("cloudformation", endpoint), client("lambda", endpoint)
    resource = cloudformation.describe_stack_resource(StackName=STACK_NAME, LogicalResourceId=logical_name)
    name = resource["StackResourceDetail"]["PhysicalResourceId"]
    return functions_api.get_function_configuration(FunctionName=name)["Environment"]["Variables"]


@contextlib.contextmanager
def serving(binary: str, environment: dict[str, str]) -> Iterator[str]:
    """Has the function run under the emulator, and gives the address to send events to."""
    listen, runtime_api = free_port(), free_port()
    command = [str(emulator()), "--runtime-interface-emulator-address", f"127.0.0.1:{listen}"]
    command += ["--runtime-api-address", f"127.0.0.1:{runtime_api}", str(BINARIES / binary)]
    path = emulator()
    path.chmod(path.stat().st_mode | 0o111)
    with tempfile.NamedTemporaryFile(prefix=f"rie-{binary}-", suffix=".log") as log:
        process = subprocess.Popen(
            command,
            env={"PATH": os.environ["PATH"], "ALLOW_LOOPBACK_WEBHOOKS": "true", **ROOT, **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield f"http://127.0.0.1:{listen}/2015-03-31/functions/function/invocations"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 15)
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                process.wait()
            log.seek(0)
            sys.stderr.write(log.read().decode(errors="replace"))


def invoke(function: str, event: Path, stack: dict[str, str]) -> str:
    """Sends the event and gives the function's answer."""
    by_binary = {binary: name for name, binary in functions(load_template()).items()}
    if function not in by_binary:
        raise SystemExit(f"There is no function {function!r}; there are {', '.join(sorted(by_binary))}")
    environment = variables(by_binary[function], stack["endpoint"]) | {"AWS_ENDPOINT_URL": stack["endpoint"]}
    with serving(function, environment) as url:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with urllib.request.urlopen(url, data=event.read_bytes(), timeout=60) as answer:
                    return answer.read().decode()
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)


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
    print(invoke(arguments.function, event, stack))
    return 0


if __name__ == "__main__":
    sys.exit(main())
