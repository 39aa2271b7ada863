"""The demo customer of a fresh stack, and the profile with which `bulk` reaches the stack as that customer."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass

from local_stack.description import Stack
from local_stack.paths import BINARIES, PROJECT, StackFiles

BULK, BULK_ADMIN = BINARIES / "bulk", BINARIES / "bulk-admin"
FACILITIES = (("Main Street Clinic", "1234567893"), ("Lakeside Family Practice", "1245319599"))
#: The address of every facility that a program makes, because none depends on it.
ADDRESS = ("--address-line1", "1 Main St", "--city", "Boston", "--state", "MA", "--zip", "02110")


@dataclass(frozen=True)
class Customer:
    """The ids of a customer with its facilities and cohorts, and its API key."""

    id: str
    api_key: str
    facilities: list[str]
    cohorts: list[str]


def admin(environment: dict[str, str], *arguments: str) -> str:
    """Runs an operator's command and returns the only value of its JSON.

    Raises `SystemExit` with what the command printed if it fails.
    """
    command = [str(BULK_ADMIN), *arguments, "--json"]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    (value,) = json.loads(done.stdout).values()
    return str(value)


def create(environment: dict[str, str]) -> Customer:
    """Creates a customer with an API key, two facilities and a cohort."""
    customer = admin(environment, "customer", "create", "--name", "Demo clinic group")
    of_customer = ("--customer", customer)
    return Customer(
        id=customer,
        api_key=admin(environment, "key", "create", *of_customer),
        facilities=[
            admin(environment, "facility", "create", *of_customer, "--name", name, "--npi", npi, *ADDRESS)
            for name, npi in FACILITIES
        ],
        cohorts=[admin(environment, "cohort", "create", *of_customer, "--name", "Diabetes programme")],
    )


def write_profile(files: StackFiles, stack: Stack) -> None:
    """Writes the profile of `bulk`, which only its owner can read, because the API key is in it."""
    settings = {
        "url": stack.api_url,
        "api_key": stack.api_key,
        "facility": stack.facilities[0],
    }
    lines = [f"[profile.{files.name}]"]
    # A string of JSON is a string of TOML, too.
    lines += [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    files.profile.unlink(missing_ok=True)
    with os.fdopen(os.open(files.profile, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("\n".join(lines) + "\n")


def command_line(files: StackFiles) -> str:
    """Returns the shell command that imports a file with `bulk`."""
    return f"export BULK_CONFIG={files.profile.relative_to(PROJECT)}; {BULK.relative_to(PROJECT)} import patients.csv"
