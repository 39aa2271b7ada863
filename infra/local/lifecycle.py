"""How a local stack starts and ends, so that nothing is left of it whatever happens to whoever started it."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import command_line
from aws import REGION, ROOT
from children import DYNAMODB_HEALTH, EMULATOR_HEALTH, FAULTS_HEALTH, SANDBOX_HEALTH
from deploy import DeployError, build, deploy
from locks import locked
from paths import StackFiles
from processes import end_process, kill_group
from seed import seed
from tables import copy_tables
from terminal import say

START_SECONDS = 60
#: The supervisor needs 3 s for its last look at the logs and 2 s for the emulator's farewell.
END_SECONDS = 15
#: A free port can be taken by somebody else before the emulator has it.
ATTEMPTS = 3
#: What is written to the supervisor's input so that the stack outlives its starter.
KEEP = b"k"


class StartError(Exception):
    """The stack is not up; says why and where to look."""


@dataclass(frozen=True)
class Settings:
    """In what a stack differs from the usual one."""

    #: Variables for all functions, and parameters of the template: `NAME=VALUE`.
    environment: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    #: Which rules of `profiles/` disturb the functions' AWS calls, and the seed of the dice.
    faults: str | None = None
    seed: int = 1
    #: Seconds after which a message of a function that died comes again, where the template says longer.
    visibility: int | None = None
    #: Whether there is a sandbox gateway, for document queries.
    sandbox: bool = True
    #: The program that serves DynamoDB, where it is not the emulator.
    dynamodb: str | None = None


@dataclass(frozen=True)
class Addresses:
    """Where the processes of a stack are, as far as it has them."""

    emulator: str
    proxy: str | None
    sandbox: str | None
    dynamodb: str | None

    def health(self) -> list[str]:
        """What answers with a 200 at each of them when it is ready."""
        pages = [(self.emulator, EMULATOR_HEALTH), (self.proxy, FAULTS_HEALTH), (self.sandbox, SANDBOX_HEALTH)]
        return [one + page for one, page in [*pages, (self.dynamodb, DYNAMODB_HEALTH)] if one]


def start(files: StackFiles, settings: Settings) -> subprocess.Popen[bytes] | None:
    """Starts the emulator, deploys, seeds, and describes the stack; nothing is left if any of it fails.

    The stack ends when the supervisor's input does: keep the answer, or `keep` the stack. Gives nothing if the
    stack is up already; one of an older build gives way.
    """
    began = time.monotonic()
    with locked(files):
        if known := running(files):
            if settings != Settings():
                raise StartError(f"The stack {files.name!r} is up with other settings: end it or give another --name")
            if known.get("build") == build():
                return None
            say(f"The stack {files.name!r} is of an older build: it is started anew.")
        end(files)
        files.logs.mkdir(parents=True, exist_ok=True)
        for old in files.logs.glob("*.log"):
            old.unlink()
        try:
            supervisor, at = start_emulator(files, settings)
            endpoint = at.emulator
            say("Deploying template.yaml …")
            parameters = {"GatewayUrl": f"{at.sandbox}/fhir"} if at.sandbox else {}
            parameters |= dict(one.split("=", 1) for one in settings.parameters)
            outputs = deploy(endpoint, parameters, settings.visibility)
            say("Adding a demo customer …")
            admin_env = ROOT | {"AWS_ENDPOINT_URL": endpoint, "DIRECTORY_TABLE": outputs["DirectoryTable"]}
            if at.dynamodb:
                copy_tables(endpoint, at.dynamodb, outputs)
                admin_env["AWS_ENDPOINT_URL_DYNAMODB"] = at.dynamodb
            description: dict[str, Any] = {
                "name": files.name,
                "apiUrl": f"{endpoint}/restapis/{outputs['ApiId']}/live/_user_request_",
                "endpoint": endpoint,
                "region": REGION,
                "build": build(),
                "outputs": outputs,
                "adminEnv": admin_env,
                "logs": str(files.logs),
                "temporary": str(files.temporary),
                "faults": at.proxy,
                "sandbox": f"{at.sandbox}/_sandbox" if at.sandbox else None,
                **seed(admin_env),
            }
        except BaseException as error:
            end(files)
            if isinstance(error, DeployError):
                raise StartError(f"Not deployed: {error}\nThe emulator's log: {files.logs}/emulator.log") from None
            raise
        command_line.write_profile(files, description)
        # The file says that the stack is up, so it appears complete or not at all.
        unfinished = files.description.with_suffix(".tmp")
        unfinished.write_text(json.dumps(description, indent=2) + "\n")
        unfinished.rename(files.description)
    say(f"Up after {time.monotonic() - began:.1f} s.")
    return supervisor


def keep(supervisor: subprocess.Popen[bytes]) -> None:
    """Lets the stack run on without its starter."""
    assert supervisor.stdin is not None
    supervisor.stdin.write(KEEP)
    supervisor.stdin.close()


def start_emulator(files: StackFiles, settings: Settings) -> tuple[subprocess.Popen[bytes], Addresses]:
    """Starts the supervisor and with it all others; gives the supervisor, and where the others are."""
    for _ in range(ATTEMPTS):
        port = free_port()
        say(f"Starting the AWS emulator on 127.0.0.1:{port} …")
        command = [sys.executable, str(Path(__file__).with_name("supervisor.py"))]
        command += ["--name", files.name, "--port", str(port)]
        for setting in settings.environment:
            command += ["--env", setting]
        proxy = None
        if settings.faults is not None:
            proxy_port = free_port()
            proxy = f"http://127.0.0.1:{proxy_port}"
            command += ["--faults", settings.faults, "--faults-port", str(proxy_port), "--seed", str(settings.seed)]
        sandbox = None
        if settings.sandbox:
            sandbox_port = free_port()
            sandbox = f"http://127.0.0.1:{sandbox_port}"
            command += ["--sandbox-port", str(sandbox_port)]
        dynamodb = None
        if settings.dynamodb:
            dynamodb_port = free_port()
            dynamodb = f"http://127.0.0.1:{dynamodb_port}"
            command += ["--dynamodb", settings.dynamodb, "--dynamodb-port", str(dynamodb_port)]
        with (files.logs / "supervisor.log").open("ab") as log:
            supervisor = subprocess.Popen(
                command,
                # Our end of this pipe closes whatever way we end; that is the supervisor's signal.
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        at = Addresses(f"http://127.0.0.1:{port}", proxy, sandbox, dynamodb)
        deadline = time.monotonic() + START_SECONDS
        while supervisor.poll() is None and time.monotonic() < deadline:
            if all(answers(page) for page in at.health()):
                return supervisor, at
            time.sleep(0.05)
        end(files)
    raise StartError(f"The emulator did not start, see {files.logs}/emulator.log")


def end(files: StackFiles) -> bool:
    """Ends what is left of the stack, crashed or not; True if anything was."""
    files.description.unlink(missing_ok=True)
    files.profile.unlink(missing_ok=True)
    try:
        ids = json.loads(files.supervisor.read_text())
    except FileNotFoundError:
        shutil.rmtree(files.temporary, ignore_errors=True)
        return False
    end_process(ids["supervisor"], f"supervisor.py --name {files.name} ", END_SECONDS)
    # The supervisor ends its children and the functions, unless it was killed itself.
    for group in ids["groups"]:
        kill_group(group, "-m ministack", str(files.temporary), "faults.py --upstream", "sandbox_fhir.py --port", "examples/dynamodb ")
    shutil.rmtree(files.temporary, ignore_errors=True)
    files.supervisor.unlink(missing_ok=True)
    return True


def running(files: StackFiles) -> dict[str, Any] | None:
    """The description of the stack if it answers."""
    description = files.read()
    return description if description and answers(description["endpoint"] + EMULATOR_HEALTH) else None


def answers(page: str) -> bool:
    """Whether there is an answer at the address."""
    with contextlib.suppress(OSError), urllib.request.urlopen(page, timeout=5):
        return True
    return False


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
