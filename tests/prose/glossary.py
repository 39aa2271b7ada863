"""Fails where a file uses a word that `glossary.toml` denies, and says which word the project uses instead.

Names in code are read as words, so that `rowTwins`, `row_twins` and `row twins` are the same.
"""

import re
import sys
import tomllib
from pathlib import Path

from prose import ROOT, tracked_files

GLOSSARY = Path(__file__).with_name("glossary.toml")
READ = {".rs", ".py", ".md", ".toml", ".yaml", ".yml", ".json", ".mjs", ".html", ""}
NAME_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_-]")


def applies(rule: dict[str, object], path: str) -> bool:
    """Returns whether a rule looks at the file of this path."""
    only, exempt = rule.get("only", [""]), rule.get("except", [])
    assert isinstance(only, list)
    assert isinstance(exempt, list)
    return path.startswith(tuple(only)) and not path.startswith(tuple(exempt))


def main() -> int:
    """Prints each denied word with its place, and returns 1 if there is one."""
    rules = tomllib.loads(GLOSSARY.read_text(encoding="utf-8"))["deny"]
    patterns = [(re.compile(rf"\b({rule['words']})\b", re.IGNORECASE), rule) for rule in rules]
    found = 0
    for path in tracked_files():
        if path.suffix not in READ or GLOSSARY.parent == (ROOT / path).parent:
            continue
        for number, line in enumerate((ROOT / path).read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            words = NAME_BOUNDARY.sub(" ", line)
            for pattern, rule in patterns:
                if (match := pattern.search(words)) and applies(rule, path.as_posix()):
                    print(f"{path}:{number}: “{match.group()}”: say {rule['say']}")
                    found += 1
    if found:
        print(f"{found} words that the glossary denies", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
