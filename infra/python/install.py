"""Installs pinned packages into a virtual environment, unless exactly these are in it.

`install.py FOLDER REQUIREMENTS [PACKAGE]` also installs the project's own package of the folder PACKAGE, in place.
`make` runs this with the Python of the machine, so it uses the standard library only.

A list is compiled from the packages that the project names, with https://docs.astral.sh/uv:
`uv pip compile --universal --python-version 3.11 --generate-hashes --no-header NAME.in -o NAME.txt`.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

OLDEST_PYTHON = (3, 11)


def stamp(*sources: Path) -> str:
    """Returns what identifies an environment: the lists that it is made of, and the Python that it is made with."""
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources))
    return f"{digest.hexdigest()} {sys.version}\n"


def is_current(folder: Path, wanted: str) -> bool:
    """Returns whether the environment is complete and its Python still exists."""
    done = folder / "installed"
    return done.is_file() and done.read_text() == wanted and (folder / "bin" / "python").exists()


def install(folder: Path, requirements: Path, package: Path | None) -> None:
    """Replaces the environment. Its stamp is written last, so that an interrupted installation is repeated."""
    wanted = stamp(requirements, *([package / "pyproject.toml"] if package else []))
    if is_current(folder, wanted):
        return
    names = [line.split("==")[0] for line in requirements.with_suffix(".in").read_text().splitlines() if "==" in line]
    print(f"Installing {', '.join(names)} into {folder} …", flush=True)
    # As a program, because Debian keeps a part of venv in another package, and only the program names that package.
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    pip = [
        str(folder / "bin" / "python"),
        "-m",
        "pip",
        "--quiet",
        "--disable-pip-version-check",
        "install",
        "--no-deps",
    ]
    subprocess.run([*pip, "--require-hashes", "-r", str(requirements)], check=True)
    if package:
        subprocess.run([*pip, "--no-index", "--no-build-isolation", "--editable", str(package)], check=True)
    (folder / "installed").write_text(wanted)


def main() -> int:
    """Installs what the command line names, and returns the exit status."""
    if sys.version_info < OLDEST_PYTHON:
        print(f"Python {'.'.join(map(str, OLDEST_PYTHON))} or newer is needed: make PYTHON=python3.12", file=sys.stderr)
        return 1
    folder, requirements, *package = map(Path, sys.argv[1:])
    try:
        install(folder, requirements, package[0] if package else None)
    except subprocess.CalledProcessError:
        print("The packages were not installed, see above.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
