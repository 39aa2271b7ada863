"""Where things are: the project, the built binaries, and the files of a running stack."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
TEMPLATE = PROJECT / "template.yaml"
#: The binaries to deploy; `BINARIES=target/debug` saves the link of a release build while developing.
BINARIES = PROJECT / os.environ.get("BINARIES", "target/local")
STACKS = PROJECT / ".local"


@dataclass(frozen=True)
class StackFiles:
    """The folder of one stack, below `.local`."""

    name: str

    @classmethod
    def all(cls) -> list[StackFiles]:
        """Those of every stack that there is or was."""
        return [cls(lock.parent.name) for lock in sorted(STACKS.glob("*/lock"))]

    @property
    def folder(self) -> Path:
        return STACKS / self.name

    @property
    def description(self) -> Path:
        """What is running where; exists while the stack is up."""
        return self.folder / "stack.json"

    @property
    def profile(self) -> Path:
        """The configuration with which `bulk` reaches the stack."""
        return self.folder / "bulk.toml"

    @property
    def supervisor(self) -> Path:
        """Process ids, written before anything else so that a crash can be cleaned up."""
        return self.folder / "supervisor.json"

    @property
    def lock(self) -> Path:
        return self.folder / "lock"

    @property
    def users(self) -> Path:
        """Locked together by all who have a command running on the stack."""
        return self.folder / "users"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def temporary(self) -> Path:
        return self.folder / "tmp"

    def read(self) -> dict[str, Any] | None:
        """The description of the running stack, or None if it is not up."""
        try:
            return json.loads(self.description.read_text())
        except FileNotFoundError:
            return None
