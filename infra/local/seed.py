"""A demo customer for a fresh stack, made with the operator's command line."""

from __future__ import annotations

import json
import os
import subprocess

from paths import BINARIES

FACILITIES = (("Main Street Clinic", "1234567893"), ("Lakeside Family Practice", "1245319599"))
#: Of a facility that is about something else.
ADDRESS = ("--address-line1", "1 Main St", "--city", "Boston", "--state", "MA", "--zip", "02110")


def admin(environment: dict[str, str], *arguments: str) -> str:
    """Runs `bulk-admin … --json` and returns the value that it prints."""
    command = [str(BINARIES / "bulk-admin"), *arguments, "--json"]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")
    (value,) = json.loads(done.stdout).values()
    return value


def seed(environment: dict[str, str]) -> dict[str, object]:
    """A customer with an API key, two facilities and a cohort."""
    customer = admin(environment, "customer", "create", "--name", "Demo clinic group")
    of_customer = ("--customer", customer)
    return {
        "customer": customer,
        "apiKey": admin(environment, "key", "create", *of_customer),
        "facilities": [
            admin(environment, "facility", "create", *of_customer, "--name", name, "--npi", npi, *ADDRESS)
            for name, npi in FACILITIES
        ],
        "cohorts": [admin(environment, "cohort", "create", *of_customer, "--name", "Diabetes programme")],
    }
