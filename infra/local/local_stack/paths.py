"""Where the project, its built binaries and the files of a stack are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
TEMPLATE = PROJECT / "template.yaml"
#: The binaries to deploy. `BINARIES=target/debug` avoids the link time of an optimized build during development.
BINARIES = PROJECT / os.environ.get("BINARIES", "target/local")
STACKS = PROJECT / ".local"


def binary_of(function: str) -> Path:
    """Returns the binary of the function in this folder of `functions/`. Its name has the prefix of all crates."""
    return BINARIES / f"bulk-{function}"


@dataclass(frozen=True)
class StackFiles:
    """The folder of the stack with this name, below `.local`."""

    name: str

    @classmethod
    def all(cls) -> list[StackFiles]:
        """Returns the folders of all stacks, also of those that are not up."""
        return [cls(logs.parent.name) for logs in sorted(STACKS.glob("*/logs"))]

    @property
    def folder(self) -> Path:
        """The folder that holds everything else."""
        return STACKS / self.name

    @property
    def description(self) -> Path:
        """The file that `description.Stack` reads. It exists while the stack is up."""
        return self.folder / "stack.json"

    @property
    def profile(self) -> Path:
        """The configuration with which `bulk` reaches the stack."""
        return self.folder / "bulk.toml"

    @property
    def lock(self) -> Path:
        """Locked while a process starts or stops the stack."""
        return self.folder / "lock"

    @property
    def users(self) -> Path:
        """Locked for reading by each process that runs a command on the stack."""
        return self.folder / "users"

    @property
    def logs(self) -> Path:
        """One log for each service, in small letters, and one for each function."""
        return self.folder / "logs"

    @property
    def temporary(self) -> Path:
        """`TMPDIR` of all processes of the stack and of no other process, so that it identifies them."""
        return self.folder / "tmp"
