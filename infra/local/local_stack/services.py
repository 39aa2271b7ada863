"""The services that a stack consists of: each is a command with its address."""

from __future__ import annotations

import contextlib
import os
import sys
import urllib.request
from dataclasses import dataclass, field, replace
from pathlib import Path

from local_stack.paths import StackFiles
from local_stack.processes import Child, free_ports, start

#: Loaded by the emulator at its start.
EMULATOR_PATCHES = Path(__file__).parent / "emulator"
EMULATOR_HEALTH = "/_ministack/health"


@dataclass(frozen=True)
class Settings:
    """The ways in which a stack can differ from the usual one."""

    #: Variables for all functions, and parameters of the template, each as `NAME=VALUE`.
    environment: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    #: The rules of tests/fault_proxy/profiles by which the functions' AWS calls fail, and the seed of their choice.
    faults: str | None = None
    seed: int = 1
    #: An upper bound in seconds for the visibility timeout of the queues that functions read.
    visibility: int | None = None
    #: Whether the functions search for documents at the sandbox gateway.
    sandbox: bool = True
    #: The program that serves DynamoDB instead of the emulator. It gets its port as the argument.
    dynamodb: str | None = None


@dataclass(frozen=True)
class Service:
    """A process of a stack that listens on a loopback port."""

    name: str
    command: list[str]
    url: str
    #: The path that is answered with 200 as soon as the service is ready.
    health: str
    environment: dict[str, str] = field(default_factory=dict)

    def start(self, files: StackFiles) -> Child:
        """Starts the process. Its output goes to a log of the service's name."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return start(self.command, files.logs / f"{self.name}.log", inherited | self.environment)

    def is_ready(self) -> bool:
        """Returns whether the service answers."""
        with contextlib.suppress(OSError), urllib.request.urlopen(self.url + self.health, timeout=5):
            return True
        return False


@dataclass(frozen=True)
class Services:
    """The services of one stack."""

    emulator: Service
    faults: Service | None
    sandbox: Service | None
    dynamodb: Service | None

    def all(self) -> list[Service]:
        """Returns those that the stack has, the emulator first."""
        return [one for one in (self.emulator, self.faults, self.sandbox, self.dynamodb) if one]


def plan(files: StackFiles, settings: Settings) -> Services:
    """Chooses free ports and returns the services of a stack with these settings."""
    endpoint, proxy, gateway, dynamodb = (f"http://127.0.0.1:{number}" for number in free_ports(4))
    # What identifies the processes of the stack.
    own = {"TMPDIR": str(files.temporary)}
    functions = {"AWS_ENDPOINT_URL": proxy if settings.faults else endpoint}
    if settings.dynamodb:
        functions["AWS_ENDPOINT_URL_DYNAMODB"] = dynamodb
    functions |= dict(setting.split("=", 1) for setting in settings.environment)
    services = Services(emulator_service(endpoint, files, own | functions), None, None, None)
    if settings.faults:
        command = fault_proxy(proxy, endpoint, settings.faults, settings.seed)
        services = replace(services, faults=Service("faults", command, proxy, "/_microburst/health", own))
    if settings.sandbox:
        command = tool("sandbox", "--port", port(gateway))
        services = replace(services, sandbox=Service("sandbox", command, gateway, "/_sandbox/faults", own))
    if settings.dynamodb:
        command = [settings.dynamodb, port(dynamodb)]
        services = replace(services, dynamodb=Service("dynamodb", command, dynamodb, "/", own))
    return services


def emulator_service(endpoint: str, files: StackFiles, environment: dict[str, str]) -> Service:
    """Returns the AWS emulator, which enforces role policies and starts the functions with this environment."""
    settings = {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": port(endpoint),
        "IOT_MTLS_ENABLED": "0",
        # A deployed stack never sets these two for its functions.
        "ALLOW_LOOPBACK_WEBHOOKS": "true",
        "GATEWAY_ALLOW_LOOPBACK": "true",
        "PYTHONPATH": str(EMULATOR_PATCHES),
        "PYTHONUNBUFFERED": "1",
        "STATE_DIR": str(files.temporary / "state"),
    }
    command = [sys.executable, "-m", "ministack"]
    return Service("emulator", command, endpoint, EMULATOR_HEALTH, settings | environment)


def fault_proxy(proxy: str, upstream: str, profile: str, seed: int) -> list[str]:
    """Returns the command of the fault proxy, which stands between the functions and the emulator."""
    faults = ["--profile", profile, "--seed", str(seed)]
    return tool("fault_proxy", "--upstream", upstream, "--port", port(proxy), *faults)


def tool(name: str, *arguments: str) -> list[str]:
    """Returns the command of a program below tests/."""
    return [sys.executable, "-m", f"tests.{name}", *arguments]


def port(url: str) -> str:
    """Returns the port of a URL that ends with it."""
    return url.rpartition(":")[2]
