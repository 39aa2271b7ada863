"""The project, and copies of the part of it that SAM CLI reads, so that a test never changes the project itself."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse

PROJECT = Path(__file__).resolve().parents[2]
READ_BY_SAM = ("template.yaml", "samconfig.yaml", "functions", "shared")


def load_template() -> dict[str, Any]:
    """Returns the template with its short forms written out."""
    template: dict[str, Any] = yaml_parse((PROJECT / "template.yaml").read_text())
    return template


@contextlib.contextmanager
def copy_of_the_project() -> Iterator[Path]:
    """Yields a folder with what SAM CLI reads, and removes it at the end."""
    with tempfile.TemporaryDirectory(prefix="sam-") as name:
        folder = Path(name).resolve()
        for part in READ_BY_SAM:
            if (PROJECT / part).is_dir():
                shutil.copytree(PROJECT / part, folder / part)
            else:
                shutil.copy(PROJECT / part, folder / part)
        yield folder
