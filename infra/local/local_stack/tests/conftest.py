"""What several tests of the local stack share."""

from __future__ import annotations

from pathlib import Path

import pytest

from local_stack import paths
from local_stack.paths import StackFiles


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StackFiles:
    """Returns the folder of a stack that is not up, below a folder for this test."""
    monkeypatch.setattr(paths, "STACKS", tmp_path)
    return StackFiles("one")
