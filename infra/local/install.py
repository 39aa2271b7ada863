"""Installs pinned packages into a virtual environment, unless exactly these are in it: `install.py FOLDER FILE`.

Run by make with whatever Python there is, so it uses the standard library only.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

NEEDED = (3, 11)


def stamp(requirements: Path) -> str:
    """What is installed: these packages, by this Python."""
    return f"{hashlib.sha256(requirements.read_bytes()).hexdigest()} {sys.version}\n"


def is_current(folder: Path, wanted: str) -> bool:
    """Whether the environment is complete and its Python is still there."""
    done = folder / "installed"
    return done.is_file() and done.read_text() == wanted and (folder / "bin" / "python").exists()


def install(folder: Path, requirements: Path) -> None:
    """Makes the environment anew; its stamp is written last, so that half an installation is none."""
    wanted = stamp(requirements)
    if is_current(folder, wanted):
        return
    names = [line.split("==")[0] for line in requirements.with_suffix(".in").read_text().splitlines() if "==" in line]
    print(f"Installing {', '.join(names)} into {folder} …", flush=True)
    # As a program: where a distribution keeps a part of it in another package, this says which.
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--no-deps", "--require-hashes", "-r", str(requirements)], check=True)
    (folder / "installed").write_text(wanted)


def main() -> int:
    if sys.version_info < NEEDED:
        print(f"Python {'.'.join(map(str, NEEDED))} or newer is needed: make PYTHON=python3.12", file=sys.stderr)
        return 1
    try:
        install(Path(sys.argv[1]), Path(sys.argv[2]))
    except subprocess.CalledProcessError:
        print("The packages were not installed, see above.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
