"""Checks that all functions are built with the same features of each dependency, as a part of `make check`.

`sam build` builds each function separately, with `cargo lambda build` in its folder. Cargo then chooses the features
for that function alone, and compiles a dependency once for each set of features, with everything that depends on it.
So a feature that only one function needs can make cargo compile the AWS SDK twice. To repair that, add the feature in
the workspace's Cargo.toml, or, if no crate of the project names the dependency, in shared/aws/Cargo.toml, because all
functions depend on that crate.
"""

from __future__ import annotations

import collections
import os
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]

#: The functions that are built with each set of features of a dependency.
FunctionsByFeatures = dict[frozenset[str], set[str]]


def features(function: str) -> dict[str, set[frozenset[str]]]:
    """Returns the sets of features of each dependency of a function.

    There is one set, or a second one if a build script or a macro uses the dependency as well.
    """
    command = [os.environ.get("CARGO", "cargo"), "tree", "--locked", "--package", f"bulk-{function}"]
    command += ["--edges", "normal,build", "--prefix", "none", "--no-dedupe", "--format", "{p}|{f}"]
    tree = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    found: dict[str, set[frozenset[str]]] = collections.defaultdict(set)
    for line in tree.splitlines():
        package, _, listed = line.partition("|")
        found[package].add(frozenset(filter(None, listed.split(","))))
    return found


def differences(functions: list[str]) -> dict[str, FunctionsByFeatures]:
    """Returns the dependencies with features that differ between functions."""
    by_package: dict[str, dict[frozenset[frozenset[str]], set[str]]] = collections.defaultdict(dict)
    for function in functions:
        for package, sets in features(function).items():
            by_package[package].setdefault(frozenset(sets), set()).add(function)
    return {
        package: {frozenset[str]().union(*sets): users for sets, users in variants.items()}
        for package, variants in by_package.items()
        if len(variants) > 1
    }


def main() -> int:
    """Prints the differences, and returns 1 if there are any."""
    functions = sorted(path.name for path in (PROJECT / "functions").iterdir())
    found = differences(functions)
    for package, variants in sorted(found.items()):
        common = frozenset.intersection(*variants)
        print(
            f"{package} is built {len(variants)} times, because functions have different features of it:",
            file=sys.stderr,
        )
        for listed, users in variants.items():
            extra = ", ".join(sorted(listed - common)) or "no others"
            print(f"  {extra}: {', '.join(sorted(users))}", file=sys.stderr)
    if found:
        print("Add these features for all functions: see tests/sam/features.py", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
