"""Environments are made again when they are out of date, and only from pinned packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.python import install

LISTS = sorted(Path(install.__file__).parent.glob("*.in"))


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    """Returns a list of packages with which an environment is up to date."""
    listed, folder = tmp_path / "requirements.txt", tmp_path / "venv"
    listed.write_text("a==1\n")
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").touch()
    (folder / "installed").write_text(install.stamp(listed))
    return listed


def test_a_complete_environment_is_current(requirements: Path) -> None:
    assert install.is_current(requirements.with_name("venv"), install.stamp(requirements))


def test_an_environment_of_another_list_is_not_current(requirements: Path) -> None:
    requirements.write_text("a==2\n")
    assert not install.is_current(requirements.with_name("venv"), install.stamp(requirements))


def test_an_environment_whose_python_was_removed_is_not_current(requirements: Path) -> None:
    folder = requirements.with_name("venv")
    (folder / "bin" / "python").unlink()
    assert not install.is_current(folder, install.stamp(requirements))


def test_an_interrupted_installation_is_not_current(requirements: Path) -> None:
    folder = requirements.with_name("venv")
    (folder / "installed").unlink()
    assert not install.is_current(folder, install.stamp(requirements))


@pytest.mark.parametrize("listed", LISTS, ids=lambda path: path.stem)
def test_each_package_is_pinned_by_its_hash(listed: Path) -> None:
    lines = listed.with_suffix(".txt").read_text().splitlines()
    pinned = [line for line in lines if "==" in line and not line.lstrip().startswith("#")]
    assert pinned
    assert [line for line in pinned if not line.endswith("\\")] == []


@pytest.mark.parametrize("listed", LISTS, ids=lambda path: path.stem)
def test_a_list_is_compiled_after_each_change(listed: Path) -> None:
    pinned = listed.with_suffix(".txt").read_text()
    for line in listed.read_text().splitlines():
        if "==" in line:
            name, _, version = line.partition("==")
            assert f"\n{name.partition('[')[0]}=={version} " in f"\n{pinned}"
