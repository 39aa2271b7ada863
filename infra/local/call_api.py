"""Has schemathesis call the API of the running stack in every way that its description allows, and in some that
it does not: `make schemathesis`. Any answer that the description does not allow is a failure."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from client import Api
from paths import PROJECT
from seed import ADDRESS, admin

HERE = PROJECT / "tests" / "api"
PROGRAM = PROJECT / ".venv-schemathesis" / "bin" / "schemathesis"


def main() -> int:
    stack = json.loads(Path(os.environ["STACK"]).read_text())
    # A customer with something of each kind to be answered with.
    url, environment = stack["apiUrl"], stack["adminEnv"]
    customer = ("--customer", admin(environment, "customer", "create", "--name", "Called clinic"))
    facility = admin(environment, "facility", "create", *customer, "--name", "Main", "--npi", "1234567893", *ADDRESS)
    key = admin(environment, "key", "create", *customer)
    Api(url, key).call("POST", "/medical/v1/cohort", {"name": "Called"}, shown=False)
    command = [
        str(PROGRAM),
        "--config-file",
        str(HERE / "schemathesis.toml"),
        "run",
        str(PROJECT / "infra" / "openapi.json"),
        "--url",
        url,
        *sys.argv[1:],
    ]
    environment = os.environ | {"API_KEY": key, "FACILITY": facility, "PYTHONPATH": str(HERE), "SCHEMATHESIS_HOOKS": "formats"}
    return subprocess.call(command, cwd=HERE, env=environment)


if __name__ == "__main__":
    sys.exit(main())
