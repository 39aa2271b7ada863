"""What is known about a stack that is up, in the file that other programs read."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

#: The environment variable that names the file to commands that run on a stack.
VARIABLE = "STACK"


@dataclass(frozen=True)
class Stack:
    """A stack that is up. The JSON has the same names in camel case."""

    name: str
    #: The URL of the API, without a slash at its end.
    api_url: str
    #: The key, facilities and cohorts of the demo customer.
    api_key: str
    customer: str
    facilities: list[str]
    cohorts: list[str]
    #: The URL of the AWS emulator, and the region that it is called with.
    endpoint: str
    region: str
    #: A hash of template and binaries.
    build: str
    #: The outputs of the CloudFormation stack.
    outputs: dict[str, str]
    #: The environment variables with which an operator's commands reach the stack.
    admin_env: dict[str, str]
    #: Folders.
    logs: str
    temporary: str
    #: The URL of the fault proxy, if there is one, and of the sandbox gateway's control interface, if there is one.
    faults: str | None
    sandbox: str | None

    @classmethod
    def current(cls) -> Stack:
        """Returns the stack on which `local-stack run` runs this process.

        Raises `SystemExit` if this process was started otherwise.
        """
        named = os.environ.get(VARIABLE)
        stack = cls.read(Path(named)) if named else None
        if stack is None:
            raise SystemExit("This program needs a stack that is up: local-stack run -- COMMAND")
        return stack

    @classmethod
    def read(cls, path: Path) -> Stack | None:
        """Returns the stack that a file describes, or None if the file does not exist."""
        try:
            known = json.loads(path.read_text())
        except FileNotFoundError:
            return None
        return cls(**{re.sub(r"(?=[A-Z])", "_", name).lower(): value for name, value in known.items()})

    def write(self, path: Path) -> None:
        """Writes the file, which appears complete or not at all, because its existence says that the stack is up."""
        known = {
            re.sub(r"_(\w)", lambda letter: letter[1].upper(), name): value for name, value in asdict(self).items()
        }
        unfinished = path.with_suffix(".tmp")
        unfinished.write_text(json.dumps(known, indent=2) + "\n")
        unfinished.rename(path)

    @property
    def folder(self) -> Path:
        """The folder of the stack, below `.local`."""
        return Path(self.logs).parent

    @property
    def resource_prefix(self) -> str:
        """How the names of the stack's resources in AWS begin."""
        return self.outputs["DirectoryTable"].rsplit("-Directory-", 1)[0]
