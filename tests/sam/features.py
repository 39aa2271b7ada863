"""Checks that all functions are built with the same features of each dependency: run by `make check`.

`sam build` builds each function by itself (`cargo lambda build` in its folder). Cargo then chooses features for that
function alone, and compiles a dependency once for each set of features, with all that depends on it. One feature that a
single function needs makes the AWS SDK be compiled twice. What to do: ask for it in the workspace's Cargo.toml,
or, if no crate of ours names the dependency, in shared/aws/Cargo.toml, which all functions depend on.
"""

from __future__ import annotations

import collections
import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]

#: The features that functions have of a dependency, each with these functions.
FunctionsByFeatures = dict[frozenset[str], set[str]]


def features(function: str) -> dict[str, set[frozenset[str]]]:
    """Returns the sets of features that a function's build has of each dependency: one, or two if a build script or a
    macro uses it as well."""
    command = [os.environ.get("CARGO", "cargo"), "tree", "--locked", "--package", function]
    command += ["--edges", "normal,build", "--prefix", "none", "--no-dedupe", "--format", "{p}|{f}"]
    tree = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    found = collections.defaultdict(set)
    for line in tree.splitlines():
        package, _, listed = line.partition("|")
        found[package].add(frozenset(filter(None, listed.split(","))))
    return found


def differences(functions: list[str]) -> dict[str, FunctionsByFeatures]:
    """Returns the dependencies that functions have different features of."""
    by_package: dict[str, dict[frozenset[frozenset[str]], set[str]]] = collections.defaultdict(dict)
    for function in functions:
        for package, sets in features(function).items():
            by_package[package].setdefault(frozenset(sets), set()).add(function)
    return {
        package: {frozenset().union(*sets): users for sets, users in variants.items()}
        for package, variants in by_package.items()
        if len(variants) > 1
    }


def main() -> int:
    functions = sorted(path.name for path in (PROJECT / "functions").iterdir())
    found = differences(functions)
    for package, variants in sorted(found.items()):
        common = frozenset.intersection(*variants)
        print(f"{package} is built {len(variants)} times, because functions have different features of it:", file=sys.stderr)
        for listed, users in variants.items():
            extra = ", ".join(sorted(listed - common)) or "no others"
            print(f"  {extra}: {', '.join(sorted(users))}", file=sys.stderr)
    if found:
        print("Ask for these features in all functions: see tests/sam/features.py", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
