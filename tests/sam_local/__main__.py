"""Runs functions in containers, as `sam local invoke` and `sam local start-api` do, against the local stack.

`sam local` knows the template but nothing of a stack: it gives the logical names of tables and queues to a function, only
variables that the template names, and AWS itself to talk to. So this writes a template for it, which is that of
`sam build` but for the functions' variables, which are those of the local stack, and their code, which begins with
`relay`: with it, the container's loopback has the ports of the local stack (see relay/src/main.rs).
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

from aws import REGION
from deploy import functions, host_architecture, load_template
from forward import Route, forwarding
from lifecycle import free_port
from paths import PROJECT
from processes import die_with_parent
from real_events import NotDoneError, RealEvents, check
from receiver import Receiver
from rie import LOCAL, variables
from terminal import say

TOOLS = PROJECT / ".venv-tools" / "bin"
#: Where `make sam-local` has SAM build, apart from what is deployed, whose architecture may be another.
BUILT = PROJECT / ".aws-sam" / "local"
RELAY = PROJECT / ".aws-sam" / "relay" / "relay" / "bootstrap"
#: As in relay/src/main.rs.
MACHINE, PORTS, FUNCTION = "host.docker.internal", "RELAY_PORTS", "function"
#: Beside the template: the variables of each function.
VARIABLES = "variables.json"
#: As long as a container takes on a busy machine.
START_SECONDS = 120
ANSWER_SECONDS = 60
END_SECONDS = 30
#: The webhook has been delivered before the function answers.
RECEIVED_SECONDS = 1


def logical_name(name: str) -> str:
    """Returns the function of this logical name, or of this folder: `FanOut` of `FanOut` and of `fan-out`."""
    known = functions(load_template())
    for logical, binary in known.items():
        if name in (logical, binary):
            return logical
    raise argparse.ArgumentTypeError(f"there is no function {name!r}; there are {', '.join(sorted(known.values()))}")


def template_for_containers(built: dict[str, Any], environments: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Changes the template of `sam build` to what `sam local` needs: the variables of each function, its code in a
    folder of its name, and this machine's architecture."""
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
    """Lets containers reach these ports of the loopback."""
    engine = [str(TOOLS / "python"), str(Path(__file__).with_name("engine.py"))]
    address = subprocess.run(engine, check=True, capture_output=True, text=True).stdout.strip()
    with contextlib.ExitStack() as stack:
        # Docker Desktop leads containers to the loopback by itself: the address is one of its virtual machine's.
        with contextlib.suppress(OSError):
            stack.enter_context(forwarding([Route(address, port, port) for port in ports]))
        yield


@dataclass(frozen=True)
class SamLocal:
    """`sam local` with all that it has to be told."""

    template: Path
    image: str | None

    def command(self, *arguments: str) -> list[str]:
        # A base image that is not there is fetched all the same; without this, SAM CLI asks its registry each time.
        options = ["--template", str(self.template), "--skip-pull-image", "--add-host", f"{MACHINE}:host-gateway"]
        # The template has them, too: variables of the shell that runs this are before those, but not before these.
        options += ["--env-vars", str(self.template.with_name(VARIABLES))]
        if self.image:
            options += ["--invoke-image", self.image]
        return [str(TOOLS / "sam"), "local", *arguments, *options]

    @staticmethod
    def environment() -> dict[str, str]:
        """Returns the variables for SAM CLI: of AWS, none but the local stack's."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        files = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
        return kept | files | LOCAL | {"AWS_DEFAULT_REGION": REGION, "SAM_CLI_TELEMETRY": "0"}

    def invoke(self, function: str, event: Path) -> subprocess.CompletedProcess[bytes]:
        command = self.command("invoke", function, "--event", str(event))
        return subprocess.run(command, env=self.environment(), capture_output=True, check=False)

    @contextlib.contextmanager
    def api(self, log: Path) -> Iterator[str]:
        """Serves the API; yields its address."""
        port = free_port()
        command = self.command("start-api", "--host", "127.0.0.1", "--port", str(port), "--warm-containers", "LAZY")
        with log.open("wb") as file:
            process = subprocess.Popen(
                command, env=self.environment(), stdout=file, stderr=file, start_new_session=True,
                preexec_fn=die_with_parent,
            )  # fmt: skip
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            # It removes its containers when it is interrupted.
            process.send_signal(signal.SIGINT)
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def answer_of(address: str, key: str | None = None) -> tuple[int, Any]:
    """Returns the status and the body of a GET; waits for the server to start."""
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


def invoke(
    sam: SamLocal, stack: dict[str, Any], receiver: Receiver, arguments: argparse.Namespace, folder: Path
) -> int:
    """Invokes one function, or all: each with an event that is real work. Returns how many did not do it."""
    events = RealEvents(stack, receiver.url, folder)
    known, failed = functions(load_template()), 0
    for name in [arguments.function] if arguments.function else known:
        binary, event = known[name], arguments.event
        if event is None:
            event = folder / f"{binary}.json"
            event.write_text(json.dumps(events.of(binary), indent=1))
        began = time.monotonic()
        run = sam.invoke(name, event)
        answer = run.stdout.strip()
        try:
            if run.returncode or not answer:
                raise NotDoneError(f"{binary} did not answer")
            check(binary, answer)
            if binary == "deliver-webhook" and arguments.event is None and receiver.take(RECEIVED_SECONDS) is None:
                raise NotDoneError(f"{binary} delivered nothing")
        except NotDoneError as error:
            failed += 1
            said = run.stderr.decode(errors="replace")
            say(f"{said}\n{name}: {error}")
            if f"relay: {MACHINE}" in said:
                say("The container does not reach this machine: is there a firewall between them?")
            continue
        if arguments.function:
            say(run.stderr.decode(errors="replace"))
            print(answer.decode(errors="replace"))
        else:
            print(f"  {name:<16} {time.monotonic() - began:>5.1f} s  {answer.decode(errors='replace')[:70]}", flush=True)
    return failed


def serve(sam: SamLocal, stack: dict[str, Any], arguments: argparse.Namespace, folder: Path) -> int:
    """Serves the API and calls it: without a key, and with one. Returns how many answers were wrong."""
    facilities, failed = "/medical/v1/facility", 0
    with sam.api(log := folder / "start-api.log") as address:
        calls: list[tuple[str, str | None, int]] = [
            ("/health", None, 200),
            (facilities, None, 403),
            (facilities, stack["apiKey"], 200),
        ]
        for path, key, expected in calls:
            status, body = answer_of(address + path, key)
            is_right = status == expected
            if key:
                known = {facility["id"] for facility in body.get("facilities", [])}
                is_right = is_right and known == set(stack["facilities"])
            failed += not is_right
            print(f"  GET {path:<22} {'with' if key else 'no'} key: {status} {'' if is_right else f'WRONG {body}'}")
        if failed:
            say(log.read_text(errors="replace"))
        elif arguments.serve:
            say(f"export API={address} KEY={stack['apiKey']}; curl \"$API{facilities}\" -H \"x-api-key: $KEY\"")
            say("Ctrl-C ends it.")
            with contextlib.suppress(KeyboardInterrupt):
                signal.pause()
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["invoke", "api"])
    parser.add_argument("--function", type=logical_name, help="one function, such as fan-out; default: all")
    parser.add_argument("--event", type=Path, help="default: an event with real work in it")
    parser.add_argument("--image", help="default: AWS's public image of the runtime")
    parser.add_argument("--serve", action="store_true", help="go on serving the API until Ctrl-C")
    arguments = parser.parse_args()
    stack = json.loads(Path(os.environ["STACK"]).read_text())
    folder = Path(stack["temporary"]) / "sam-local"
    receiver = Receiver()
    addresses = [stack["endpoint"], stack["sandbox"], receiver.url]
    ports = [urlsplit(address).port for address in addresses if address]
    template = lay_out(stack["endpoint"], ports, folder)
    sam = SamLocal(template, arguments.image)
    with reachable_from_containers(ports):
        if arguments.what == "api":
            failed = serve(sam, stack, arguments, folder)
        else:
            failed = invoke(sam, stack, receiver, arguments, folder)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
