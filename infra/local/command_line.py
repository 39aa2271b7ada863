"""The configuration with which the command line, `bulk`, reaches a stack that is up."""

from __future__ import annotations

import json
import os
from typing import Any

from paths import BINARIES, PROJECT, StackFiles


def write_profile(files: StackFiles, description: dict[str, Any]) -> None:
    """Writes the stack's profile, readable by its owner only: the API key is in it."""
    settings = {
        "url": description["apiUrl"],
        "api_key": description["apiKey"],
        "facility": description["facilities"][0],
    }
    lines = [f"[profile.{files.name}]"]
    # JSON's strings are TOML's, too.
    lines += [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    files.profile.unlink(missing_ok=True)
    with os.fdopen(os.open(files.profile, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("\n".join(lines) + "\n")


def hint(files: StackFiles) -> str:
    """What to type to use it."""
    binary = (BINARIES / "bulk").relative_to(PROJECT)
    return f"export BULK_CONFIG={files.profile.relative_to(PROJECT)}; {binary} import patients.csv"
