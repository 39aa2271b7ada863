"""`sam build` ships binaries of the present sources, also if only a crate below shared/ has changed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from tests.sam.project import PROJECT, copy_of_the_project

FUNCTIONS = len(list((PROJECT / "functions").iterdir()))

#: Replaces cargo and `cargo lambda build`. The binary is a hash of the sources in shared/. Cargo itself recompiles what
#: has changed, so only SAM could ship an old binary.
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


def fake_cargo(folder: Path) -> Path:
    """Returns a folder for PATH with the replacements of cargo and cargo-lambda."""
    programs = folder / "programs"
    programs.mkdir()
    for name in ("cargo", "cargo-lambda"):
        (programs / name).write_text(CARGO.format(python=sys.executable, folder=str(folder)))
        (programs / name).chmod(0o755)
    return programs


def build(folder: Path, programs: Path) -> dict[str, str]:
    """Builds with SAM. Returns the hash of each function's binary."""
    sam = Path(sys.executable).with_name("sam")
    environment = os.environ | {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "AWS_DEFAULT_REGION": "us-east-1",
        "SAM_CLI_TELEMETRY": "0",
    }
    run = subprocess.run([str(sam), "build"], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    binaries = (folder / ".aws-sam" / "build").glob("*/bootstrap")
    return {path.parent.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in binaries}


def test_after_a_change_of_shared_code_each_function_has_a_new_binary() -> None:
    with copy_of_the_project() as folder:
        programs = fake_cargo(folder)
        before = build(folder, programs)
        assert len(before) == FUNCTIONS
        source = folder / "shared" / "domain" / "src" / "lib.rs"
        source.write_text(source.read_text() + "\n// Changed.\n")
        after = build(folder, programs)
        old = sorted(name for name, binary in after.items() if binary == before[name])
        assert old == []
