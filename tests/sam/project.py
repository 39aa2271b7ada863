"""The project, and copies of the part of it that SAM CLI reads: what a test changes is never the project itself."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
READ_BY_SAM = ("template.yaml", "samconfig.yaml", "functions", "shared")


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
