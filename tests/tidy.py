"""Compares what is written in two places, and measures files: run by `make check`.

- A customer's `bulk` has no AWS SDK, which would nearly double its size: its dependency tree names no crate of AWS.
- The oldest Rust that the project builds with is one number: Cargo.toml's `rust-version`. Documents repeat it, and the
  binaries of a release are built by that or a newer one.

It also finds source files of over 400 lines, because such a file is usually about two things, and comments in Rust of
over 100 columns, which rustfmt leaves as they are.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]

# What a document asks for: "Rust 1.94.1 or newer".
RUST = re.compile(r"\bRust (\d+(?:\.\d+)+) or newer")
#: Where the release workflow names its compiler.
RELEASE, RUST_OF_RELEASE = ".github/workflows/release.yml", re.compile(r"^  RUST: (\d+\.\d+\.\d+)$", re.MULTILINE)
#: Documents that have to name it, because their readers install Rust.
TELL_RUST = ("README.md", ".github/CONTRIBUTING.md")
#: Lines of a source file. A longer file has a second subject.
LONGEST_FILE = 400
#: Columns of a line of Rust (rustfmt.toml), unless it holds an address, which cannot be divided.
WIDEST_COMMENT = 100


def tracked(*patterns: str) -> list[str]:
    """Returns the tracked files that match a pattern, and still exist."""
    command = ["git", "ls-files", *patterns]
    listed = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.split()
    return [name for name in listed if (PROJECT / name).is_file()]


def wrong_lengths() -> list[str]:
    """Returns the source files that are too long."""
    lines = {name: (PROJECT / name).read_bytes().count(b"\n") for name in tracked("*.rs", "*.py")}
    return [
        f"{name} has {count} lines: divide it by its subjects"
        for name, count in sorted(lines.items())
        if count > LONGEST_FILE
    ]


def wide_comments() -> list[str]:
    """Returns the comments in Rust that are too wide."""
    return [
        f"{name}:{number} has {len(line)} columns: divide the comment after {WIDEST_COMMENT}"
        for name in tracked("*.rs")
        for number, line in enumerate((PROJECT / name).read_text().splitlines(), 1)
        if len(line) > WIDEST_COMMENT and line.lstrip().startswith("//") and "https://" not in line
    ]


def crates_of_aws(package: str) -> list[str]:
    """Returns the crates of AWS that a package is built from."""
    command = [os.environ.get("CARGO", "cargo"), "tree", "--locked", "--package", package]
    command += ["--edges", "normal", "--target", "all", "--prefix", "none", "--format", "{p}"]
    tree = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    return sorted({line.split()[0] for line in tree.splitlines() if re.match(r"aws\b|aws[-_]", line)})


def versions_of_rust() -> tuple[str, dict[str, set[str]]]:
    """Returns the `rust-version` of Cargo.toml, and every version of Rust that a tracked document names."""
    with (PROJECT / "Cargo.toml").open("rb") as file:
        wanted = tomllib.load(file)["workspace"]["package"]["rust-version"]
    named = {name: set(RUST.findall((PROJECT / name).read_text())) for name in tracked("*.md", "*.yml")}
    return wanted, named


def main() -> int:
    """Prints the differences, and returns 1 if there are any."""
    wrong = [
        f"bulk is built from {crate}: only bulk-admin and the functions need AWS" for crate in crates_of_aws("bulk")
    ]
    if not crates_of_aws("bulk-admin"):
        wrong.append("bulk-admin is built from no crate of AWS: this check does not recognize them any more")
    rust, named = versions_of_rust()
    for document, versions in named.items():
        wrong += [f"{document} says Rust {version}, Cargo.toml says {rust}" for version in versions - {rust}]
    wrong += [f"{document} does not say which Rust is needed" for document in TELL_RUST if not named.get(document)]
    wrong += wrong_lengths() + wide_comments()
    (compiler,) = RUST_OF_RELEASE.findall((PROJECT / RELEASE).read_text())
    if [*map(int, compiler.split("."))] < [*map(int, rust.split("."))]:
        wrong.append(f"{RELEASE} builds with Rust {compiler}, Cargo.toml needs {rust}")
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
