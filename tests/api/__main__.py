"""Lets schemathesis call the API of a running stack: `make schemathesis`.

schemathesis calls each operation in every way that the description allows, and in some that it does not. An answer
that the description does not allow is a failure.
"""

from __future__ import annotations

import os
import subprocess
import sys

from local_stack.customer import ADDRESS, admin
from local_stack.description import Stack
from local_stack.paths import PROJECT
from tests.api.client import Api

FOLDER = PROJECT / "tests" / "api"
PROGRAM = PROJECT / ".venv-schemathesis" / "bin" / "schemathesis"


def main() -> int:
    """Makes a customer with one resource of each kind, and returns the exit status of schemathesis."""
    stack = Stack.current()
    customer = ("--customer", admin(stack.admin_env, "customer", "create", "--name", "Called clinic"))
    facility = admin(
        stack.admin_env, "facility", "create", *customer, "--name", "Main", "--npi", "1234567893", *ADDRESS
    )
    key = admin(stack.admin_env, "key", "create", *customer)
    Api(stack.api_url, key).call("POST", "/medical/v1/cohort", {"name": "Called"})
    command = [str(PROGRAM), "--config-file", str(FOLDER / "schemathesis.toml"), "run"]
    command += [str(PROJECT / "infra" / "openapi.json"), "--url", stack.api_url, *sys.argv[1:]]
    hooks = {"PYTHONPATH": str(FOLDER), "SCHEMATHESIS_HOOKS": "formats"}
    return subprocess.call(command, cwd=FOLDER, env=os.environ | hooks | {"API_KEY": key, "FACILITY": facility})


if __name__ == "__main__":
    sys.exit(main())
