"""All workflows build with one pinned compiler, so that a newer one fails no unrelated change."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).parents[2]
WORKFLOWS = {path.name: path.read_text() for path in (PROJECT / ".github" / "workflows").glob("*.yml")}


def number(version: str) -> tuple[int, ...]:
    """Returns a version as numbers that can be compared."""
    return tuple(map(int, version.split(".")))


def test_workflows_that_install_rust_pin_the_same_version_from_the_oldest_that_builds_on() -> None:
    installing = {name: text for name, text in WORKFLOWS.items() if "rustup toolchain install" in text}
    pinned = {name: re.findall(r"^  RUST: (\d+\.\d+\.\d+)$", text, re.MULTILINE) for name, text in installing.items()}
    versions = {version for found in pinned.values() for version in found}
    assert len(versions) == 1, pinned
    assert all(len(found) == 1 for found in pinned.values()), pinned
    oldest = re.search(r'^rust-version = "([\d.]+)"$', (PROJECT / "Cargo.toml").read_text(), re.MULTILINE)
    assert oldest is not None
    assert number(oldest[1]) <= number(versions.pop())


def test_no_workflow_installs_a_compiler_that_changes_by_itself() -> None:
    for name, text in WORKFLOWS.items():
        installed = re.findall(r"rustup toolchain install (\S+)", text)
        assert set(installed) <= {'"$RUST"', '"$version"'}, name
