"""Runs `sam local invoke` or `sam local start-api` against the local stack: `python -m tests.sam_local invoke`.

`sam local` knows the template but no stack. It gives a function the logical names of tables and queues, only the
variables that the template names, and AWS itself as the endpoint. So this program writes another template for it. That
one is the template of `sam build` with two changes: the variables of the functions are those of the local stack, and
their code begins with `relay`, which gives the container's loopback the ports of the local stack (relay/src/main.rs).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from local_stack.aws import REGION
from local_stack.description import Stack
from local_stack.forward import Route, forwarding
from local_stack.lifecycle import say
from local_stack.paths import PROJECT
from local_stack.processes import free_port, start, stop_group
from local_stack.rie import LOCAL, variables
from local_stack.template import Template, functions, host_architecture, load_template
from tests.api.client import Receiver
from tests.sam_local.real_events import NotDoneError, RealEvents, check

TOOLS = PROJECT / ".venv-tools" / "bin"
#: `make sam-local` builds into this folder, because a deployment can have another architecture.
BUILT = PROJECT / ".aws-sam" / "local"
RELAY = PROJECT / ".aws-sam" / "relay" / "relay" / "bootstrap"
#: As in relay/src/main.rs.
MACHINE, PORTS, FUNCTION = "host.docker.internal", "RELAY_PORTS", "function"
#: Beside the template: the variables of each function.
VARIABLES = "variables.json"
#: A container takes this long to start on a busy machine.
START_SECONDS = 120
ANSWER_SECONDS = 60
STOP_SECONDS = 30
#: The webhook is delivered before the function answers.
RECEIVED_SECONDS = 1


def logical_name(name: str) -> str:
    """Returns the function of this logical name, or of this folder: `FanOut` of `FanOut` and of `fan-out`."""
    known = functions(load_template())
    for logical, function in known.items():
        if name in (logical, function):
            return logical
    raise argparse.ArgumentTypeError(f"there is no function {name!r}; there are {', '.join(sorted(known.values()))}")


def template_for_containers(built: Template, environments: dict[str, dict[str, str]]) -> Template:
    """Changes the template of `sam build` to what `sam local` needs, and returns it.

    That is the variables of each function, the folder of its code, and this machine's architecture.
    """
    built["Parameters"]["Architecture"]["Default"] = host_architecture()
    for name, environment in environments.items():
        properties = built["Resources"][name]["Properties"]
        properties["CodeUri"] = name
        properties["Environment"] = {"Variables": environment}
    return built


def lay_out(endpoint: str, ports: list[int], folder: Path) -> Path:
    """Writes the template and the code beside it; returns the template's path."""
    built = load_template(BUILT / "template.yaml")
    here = {**LOCAL, "AWS_ENDPOINT_URL": endpoint, PORTS: " ".join(map(str, ports))}
    shutil.rmtree(folder, ignore_errors=True)
    environments = {}
    for name in functions(load_template()):
        environments[name] = variables(name, endpoint) | here
        (folder / name).mkdir(parents=True)
        shutil.copy(RELAY, folder / name / "bootstrap")
        shutil.copy(BUILT / name / "bootstrap", folder / name / FUNCTION)
    path = folder / "template.json"
    path.write_text(json.dumps(template_for_containers(built, environments), indent=1))
    path.with_name(VARIABLES).write_text(json.dumps(environments, indent=1))
    return path


@contextlib.contextmanager
def reachable_from_containers(ports: list[int]) -> Iterator[None]:
    """Lets containers reach these ports of the loopback interface."""
    engine = [str(TOOLS / "python"), str(Path(__file__).with_name("container_engine.py"))]
    address = subprocess.run(engine, check=True, capture_output=True, text=True).stdout.strip()
    with contextlib.ExitStack() as stack:
        # With Docker Desktop the address belongs to its virtual machine, which forwards to the loopback by itself.
        with contextlib.suppress(OSError):
            stack.enter_context(forwarding([Route(address, port, port) for port in ports]))
        yield


@dataclass(frozen=True)
class SamLocal:
    """The commands of `sam local`, with their options and environment."""

    template: Path
    image: str | None

    def command(self, *arguments: str) -> list[str]:
        """Returns the command line for these arguments."""
        # With this option, SAM CLI fetches an image that is missing, but does not ask the registry for a newer one.
        options = ["--template", str(self.template), "--skip-pull-image", "--add-host", f"{MACHINE}:host-gateway"]
        # The template has these variables, too, but there the environment of this process would override them.
        options += ["--env-vars", str(self.template.with_name(VARIABLES))]
        if self.image:
            options += ["--invoke-image", self.image]
        return [str(TOOLS / "sam"), "local", *arguments, *options]

    @staticmethod
    def environment() -> dict[str, str]:
        """Returns the environment of SAM CLI, which has no AWS variables but those of the local stack."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        files = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
        return kept | files | LOCAL | {"AWS_DEFAULT_REGION": REGION, "SAM_CLI_TELEMETRY": "0"}

    def invoke(self, function: str, event: Path) -> subprocess.CompletedProcess[bytes]:
        """Invokes one function with the event of a file."""
        command = self.command("invoke", function, "--event", str(event))
        return subprocess.run(command, env=self.environment(), capture_output=True, check=False)

    @contextlib.contextmanager
    def api(self, log: Path) -> Iterator[str]:
        """Serves the API and yields its address."""
        port = free_port()
        command = self.command("start-api", "--host", "127.0.0.1", "--port", str(port), "--warm-containers", "LAZY")
        process = start(command, log, self.environment())
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            # SAM CLI removes its containers after SIGINT.
            stop_group(process, signal.SIGINT, STOP_SECONDS)


def answer_of(address: str, key: str | None = None) -> tuple[int, Any]:
    """Returns the status and the body of a GET, as soon as the server answers."""
    request = urllib.request.Request(address, headers={"x-api-key": key} if key else {})
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except urllib.error.URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def invoke(sam: SamLocal, stack: Stack, receiver: Receiver, arguments: argparse.Namespace, folder: Path) -> int:
    """Invokes one function, or all, each with an event that is real work. Returns how many did not do their work."""
    events = RealEvents(stack, receiver.url)
    known, failed = functions(load_template()), 0
    for name in [arguments.function] if arguments.function else known:
        function, event = known[name], arguments.event
        if event is None:
            event = folder / f"{function}.json"
            event.write_text(json.dumps(events.of(function), indent=1))
        began = time.monotonic()
        run = sam.invoke(name, event)
        log = run.stderr.decode(errors="replace")
        if wrong := problem(run, function, None if arguments.event else receiver):
            failed += 1
            say(f"{log}\n{name}: {wrong}")
            if f"relay: {MACHINE}" in log:
                say("The container does not reach this machine. Does a firewall block the ports?")
        elif arguments.function:
            say(log)
            print(run.stdout.strip().decode(errors="replace"))
        else:
            answer = run.stdout.strip().decode(errors="replace")
            print(f"  {name:<16} {time.monotonic() - began:>5.1f} s  {answer[:70]}", flush=True)
    return failed


def problem(run: subprocess.CompletedProcess[bytes], function: str, receiver: Receiver | None) -> str | None:
    """Returns why an invocation counts as failed, or None. A delivery must arrive at the receiver, if there is one."""
    if run.returncode or not run.stdout.strip():
        return f"{function} did not answer"
    try:
        check(function, run.stdout.strip())
    except NotDoneError as error:
        return str(error)
    if function == "deliver-webhook" and receiver and receiver.take(RECEIVED_SECONDS) is None:
        return f"{function} delivered nothing"
    return None


def serve(sam: SamLocal, stack: Stack, arguments: argparse.Namespace, folder: Path) -> int:
    """Serves the API, and calls it without and with a key. Returns how many answers were wrong."""
    facilities, failed = "/medical/v1/facility", 0
    with sam.api(log := folder / "start-api.log") as address:
        calls: list[tuple[str, str | None, int]] = [
            ("/health", None, 200),
            (facilities, None, 403),
            (facilities, stack.api_key, 200),
        ]
        for path, key, expected in calls:
            status, body = answer_of(address + path, key)
            is_right = status == expected
            if key:
                known = {facility["id"] for facility in body.get("facilities", [])}
                is_right = is_right and known == set(stack.facilities)
            failed += not is_right
            print(f"  GET {path:<22} {'with' if key else 'no'} key: {status} {'' if is_right else f'WRONG {body}'}")
        if failed:
            say(log.read_text(errors="replace"))
        elif arguments.serve:
            say(f'export API={address} KEY={stack.api_key}; curl "$API{facilities}" -H "x-api-key: $KEY"')
            say("Ctrl-C stops it.")
            with contextlib.suppress(KeyboardInterrupt):
                signal.pause()
    return failed


def main() -> int:
    """Runs what the command line names on a stack, and returns 1 if anything was wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=["invoke", "api"])
    parser.add_argument("--function", type=logical_name, help="one function, such as fan-out; default: all")
    parser.add_argument("--event", type=Path, help="default: an event with real work in it")
    parser.add_argument("--image", help="default: the public image of AWS")
    parser.add_argument("--serve", action="store_true", help="serve the API until Ctrl-C")
    arguments = parser.parse_args()
    stack = Stack.current()
    folder = Path(stack.temporary) / "sam-local"
    receiver = Receiver()
    addresses = [stack.endpoint, stack.sandbox, receiver.url]
    ports = [port for address in addresses if address and (port := urlsplit(address).port)]
    template = lay_out(stack.endpoint, ports, folder)
    sam = SamLocal(template, arguments.image)
    with reachable_from_containers(ports):
        if arguments.what == "api":
            failed = serve(sam, stack, arguments, folder)
        else:
            failed = invoke(sam, stack, receiver, arguments, folder)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
