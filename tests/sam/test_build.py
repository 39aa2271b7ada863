"""`sam build` ships what the sources say now, also where only a crate below shared/ has changed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import unittest
from pathlib import Path

from project import PROJECT, copy_of_the_project

FUNCTIONS = len(list((PROJECT / "functions").iterdir()))

#: Stands in for cargo, and for `cargo lambda build`, whose binary it makes of the sources in shared/: cargo itself
#: recompiles what has changed, so that only SAM can be the one that ships an old binary.
CARGO = """#!{python}
import hashlib, json, pathlib, sys
folder = pathlib.Path({folder!r})
if "metadata" in sys.argv:
    print(json.dumps({{"target_directory": str(folder / "target"), "packages": []}}))
else:
    binary = folder / "target" / "lambda" / sys.argv[sys.argv.index("--bin") + 1] / "bootstrap"
    binary.parent.mkdir(parents=True, exist_ok=True)
    sources = sorted((folder / "shared").rglob("*.rs"))
    binary.write_text(hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest())
"""


def stand_in(folder: Path) -> Path:
    """Returns a folder for PATH in which cargo and cargo-lambda are ours."""
    programs = folder / "programs"
    programs.mkdir()
    for name in ("cargo", "cargo-lambda"):
        (programs / name).write_text(CARGO.format(python=sys.executable, folder=str(folder)))
        (programs / name).chmod(0o755)
    return programs


def build(folder: Path, programs: Path) -> dict[str, str]:
    """Builds with SAM; returns the hash of each function's binary."""
    sam = Path(sys.executable).with_name("sam")
    environment = os.environ | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "AWS_DEFAULT_REGION": "us-east-1",
        "SAM_CLI_TELEMETRY": "0",
    }
    run = subprocess.run([str(sam), "build"], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        raise AssertionError(f"sam build failed: {run.stderr}")
    binaries = (folder / ".aws-sam" / "build").glob("*/bootstrap")
    return {path.parent.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in binaries}


class Build(unittest.TestCase):
    def test_a_build_after_a_change_of_shared_code_has_a_new_binary_of_every_function(self) -> None:
        with copy_of_the_project() as folder:
            programs = stand_in(folder)
            before = build(folder, programs)
            assert len(before) == FUNCTIONS
            source = folder / "shared" / "domain" / "src" / "lib.rs"
            source.write_text(source.read_text() + "\n// Changed.\n")
            after = build(folder, programs)
            old = sorted(name for name, binary in after.items() if binary == before[name])
            assert old == [], "old binaries were shipped"


if __name__ == "__main__":
    unittest.main()
