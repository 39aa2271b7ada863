"""Measures the English of comments and guides, and fails where it is hard to read.

A reader of a comment needs to know who acts and why. Three figures show where a text leaves that open. They are
counted for each area of the project, and each has a bound that well-known code bases of the field keep:

- pronouns without an actor (`whoever`, `whose` and their like) for 1,000 words: below 0.8,
- words a sentence: 10 to 16,
- documentation comments of three words or fewer, which only repeat a name: none.

Run `python tests/prose/prose.py` for the table, and with paths for every line that counts against one of them.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parents[2]

LARGEST_SHARE_OF_PRONOUNS = 0.8
WORDS_A_SENTENCE = (10, 16)
SHORTEST_DOC = 4

READ = {".rs", ".py", ".md", ".toml", ".yaml", ".yml"}

# An area with fewer words than this has no average worth a judgement.
FEWEST_WORDS = 300

PRONOUNS = re.compile(
    r"\b(who(m)?ever|whose|(some|no|any|every)body|(some|any|every)one|no one|whatever)\b", re.IGNORECASE
)
SENTENCE_END = re.compile(r"(?<!e\.g)(?<!i\.e)[.!?](?=\s|$)|:$")
WORD = re.compile(r"[A-Za-z0-9`][\w`'’./:{}()*<>=+-]*")

# Prose that has a language of its own: what others wrote, what is generated, and fixtures.
SKIPPED = re.compile(
    r"(^|/)(node_modules|fixtures|corpus|snapshots)/|\.lock$|package-lock\.json$|^LICENSE|CODE_OF_CONDUCT|requirements"
)


@dataclass
class Block:
    """Consecutive lines of prose."""

    path: Path
    line: int
    text: str
    is_doc: bool


@dataclass
class Figures:
    """What was counted in one area."""

    words: int = 0
    sentences: int = 0
    pronouns: list[str] = field(default_factory=list)
    short_docs: list[str] = field(default_factory=list)

    def add(self, block: Block) -> None:
        """Counts the words of one block."""
        place = f"{block.path}:{block.line}"
        for sentence in SENTENCE_END.split(block.text):
            words = WORD.findall(sentence)
            if words:
                self.words += len(words)
                self.sentences += 1
        for match in PRONOUNS.finditer(block.text):
            self.pronouns.append(f"{place}: “{match.group()}” names no actor")
        if block.is_doc and len(WORD.findall(block.text)) < SHORTEST_DOC:
            self.short_docs.append(f"{place}: “{block.text.strip()}” says no more than a name")

    @property
    def share_of_pronouns(self) -> float:
        """Returns the pronouns without an actor for 1,000 words."""
        return 1000 * len(self.pronouns) / max(self.words, 1)

    @property
    def words_a_sentence(self) -> float:
        """Returns the mean length of a sentence in words."""
        return self.words / max(self.sentences, 1)

    def faults(self) -> list[str]:
        """Returns which bounds the area breaks, in words."""
        found = []
        if self.short_docs:
            found.append(f"{len(self.short_docs)} documentation comments of three words or fewer")
        if self.words >= FEWEST_WORDS:
            if self.share_of_pronouns >= LARGEST_SHARE_OF_PRONOUNS:
                found.append("pronouns without an actor")
            low, high = WORDS_A_SENTENCE
            if not low <= self.words_a_sentence <= high:
                found.append(f"sentences are {'short' if self.words_a_sentence < low else 'long'}")
        return found


def prose_of(path: Path) -> Iterator[Block]:
    """Yields the prose of a file, by what kind of file it is."""
    if path.suffix not in READ and path.name != "Makefile":
        return
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.suffix == ".rs":
        yield from comments(path, text, re.compile(r"^\s*(//[/!]?)(?!/)\s?(.*)$"))
    elif path.suffix == ".md":
        yield from paragraphs(path, 1, text, is_doc=False)
    else:
        yield from comments(path, text, re.compile(r"^\s*(#)(?!!)\s?(.*)$"))
    if path.suffix == ".py":
        for match in re.finditer(r'^\s*"""(.+?)"""', text, re.DOTALL | re.MULTILINE):
            yield from paragraphs(path, text.count("\n", 0, match.start(1)) + 1, match.group(1), is_doc=True)


def comments(path: Path, text: str, pattern: re.Pattern[str]) -> Iterator[Block]:
    """Yields the comments that fill whole lines; neighbours with the same mark belong together."""
    lines = [(number, pattern.match(line)) for number, line in enumerate(text.splitlines(), 1)]
    for mark, group in groupby(lines, key=lambda line: line[1] and line[1].group(1)):
        if mark:
            found = [(number, match.group(2)) for number, match in group if match]
            body = "\n".join(line for _, line in found)
            yield from paragraphs(path, found[0][0], body, is_doc=mark in {"///", "//!"})


def paragraphs(path: Path, first: int, text: str, *, is_doc: bool) -> Iterator[Block]:
    """Yields paragraphs and list items of Markdown, without code, tables, headings and addresses."""
    text = re.sub(r"(?ms)^\s*```.*?^\s*```", lambda code: "\n" * code.group().count("\n"), text)
    text = re.sub(r"(?s)<!--.*?-->", lambda comment: "\n" * comment.group().count("\n"), text)
    is_alone = is_doc and "\n\n" not in text.strip()
    gathered: list[str] = []
    start = first
    for number, line in enumerate([*text.splitlines(), ""], first):
        stripped = line.strip()
        starts_anew = re.match(r"([-*+]|\d+\.)\s", stripped) is not None
        if not stripped or stripped.startswith(("|", "#", "<", "[!")) or starts_anew:
            if gathered:
                yield Block(path, start, plain(" ".join(gathered)), is_doc=is_alone)
            gathered = []
        if not stripped or stripped.startswith(("|", "#", "<", "[!")):
            continue
        if not gathered:
            start = number
        gathered.append(re.sub(r"^([-*+]|\d+\.)\s+", "", stripped))


def plain(text: str) -> str:
    """Returns text without Markdown's links and inline code, each of which reads as one word."""
    text = re.sub(r"`[^`]*`", "`code`", text)
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"<?https?://\S+", "`link`", text)
    return text.replace("**", "").replace("*", "")


def area_of(path: Path) -> str:
    """Returns the folder that a file is counted with."""
    return "/".join(path.parts[:-1][:2]) or "top level"


def tracked_files() -> list[Path]:
    """Returns what git knows, or would know after `git add`."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = {Path(line) for line in listed.stdout.splitlines() if not SKIPPED.search(line)}
    return sorted(path for path in paths if (ROOT / path).is_file())


def main() -> int:
    """Prints the figures of each area, and returns 1 if a bound is broken."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("paths", nargs="*", help="show every line below these paths that counts")
    wanted: list[str] = arguments.parse_args().paths
    areas: dict[str, Figures] = {}
    for path in tracked_files():
        if wanted and not any(path.as_posix().startswith(start.rstrip("/")) for start in wanted):
            continue
        for block in prose_of(path):
            areas.setdefault(area_of(path), Figures()).add(block)
    print(f"{'area':<32} {'words':>7} {'pronouns/1000':>14} {'words/sentence':>15} {'short docs':>11}")
    for area, figures in sorted(areas.items()):
        faults = figures.faults()
        print(
            f"{area:<32} {figures.words:>7} {figures.share_of_pronouns:>14.1f} {figures.words_a_sentence:>15.1f} "
            f"{len(figures.short_docs):>11}{'   ' + ', '.join(faults) if faults else ''}"
        )
        if wanted:
            for line in [*figures.pronouns, *figures.short_docs]:
                print(f"  {line}")
    hard = [area for area, figures in areas.items() if figures.faults()]
    if hard and not wanted:
        print(f"Hard to read: {', '.join(sorted(hard))}. `{sys.argv[0]} PATH…` shows each line.", file=sys.stderr)
    return 1 if hard else 0


if __name__ == "__main__":
    sys.exit(main())
