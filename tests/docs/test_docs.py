"""The documentation names what exists: resources, parameters, make targets, files, headings, Rust items.

A name in the documentation is a code span or stands in a code block. The rules are closed: a name that no rule knows is
an error, so that the name of a renamed queue cannot stay in the description of an alarm.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from local_stack.paths import PROJECT
from local_stack.template import load_template

PLATFORM = "infra/docs/platform.md"
SECURITY = "infra/docs/security.md"
ARCHITECTURE = "ARCHITECTURE.md"
GUIDES = (
    "README.md",
    ARCHITECTURE,
    ".github/*.md",
    "infra/docs/*.md",
    "functions/*/README.md",
    "infra/bulk*/README.md",
)

#: Capitalized names that are not in the template, because they belong to AWS, to Rust or to its libraries.
CALLS = {
    "BatchExecuteStatement",
    "DeleteObjects",
    "BatchGetItem",
    "BatchWriteItem",
    "DeleteItem",
    "GetObject",
    "PartiQLInsert",
    "PutItem",
    "PutObject",
    "Scan",
    "UpdateItem",
}
METRICS = {"ApproximateNumberOfMessagesDelayed", "Throttles"}
REQUESTS = {"ConditionalRequestConflict", "ReturnValuesOnConditionCheckFailure"}
RUST = {"ByteRecord", "Debug"}
#: Names of people, as examples of values.
PEOPLE = {"Jose", "McDonald"}
#: Resources of FHIR.
FHIR = {"DocumentReference"}
#: Headers of HTTP.
HEADERS = {"Authorization"}
FOREIGN = CALLS | METRICS | REQUESTS | FHIR | HEADERS | RUST | PEOPLE

#: What the documentation calls a resource, and the types of CloudFormation with that meaning.
KINDS = {
    "queue": {"AWS::SQS::Queue"},
    "table": {"AWS::DynamoDB::Table"},
    "function": {"AWS::Serverless::Function"},
    "bucket": {"AWS::S3::Bucket"},
    "role": {"AWS::IAM::Role"},
}
#: The types of resources that the platform guide must name, because a platform engineer looks them up by name.
LOOKED_UP = ("AWS::SQS::Queue", "AWS::DynamoDB::Table", "AWS::Serverless::Function", "AWS::Logs::LogGroup")

#: Folders with files that are named by their path in the repository.
FOLDERS = ("functions", "infra", "shared", "tests")
SPAN = re.compile(r"`([^`\n]+)`")
BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
#: One word that begins with a capital letter and has a small letter. `Gateway…` means all names that begin so.
CAPITALIZED = re.compile(r"[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*…?")
MAKE = re.compile(r"\s*make ([a-z][a-z0-9-]*)((?: +\[?[A-Z_]+=[^\s`\]]*\]?)*)")
COMMAND = re.compile(r"\s*(?:cargo run .*-p )?(bulk(?:-admin)?)(?: --)? ([a-z]+)\b")
RUST_PATH = re.compile(r"\w+(?:::\w+)+")
RUST_ITEM = re.compile(r"\b(?:fn|mod|struct|enum|trait|type|const|static) (\w+)")
RUST_FIELD = re.compile(r"\bpub (\w+):")


@dataclass(frozen=True)
class Guide:
    """One file of the documentation."""

    path: Path

    @property
    def name(self) -> str:
        """The path in the repository."""
        return str(self.path.relative_to(PROJECT))

    @cached_property
    def text(self) -> str:
        """The whole text of the file."""
        return self.path.read_text()

    @cached_property
    def prose(self) -> str:
        """The text without its code blocks."""
        return BLOCK.sub("", self.text)

    @cached_property
    def spans(self) -> list[str]:
        """The code spans of the prose."""
        return SPAN.findall(self.prose)

    @cached_property
    def code(self) -> list[str]:
        """The code spans, and the lines of code blocks."""
        return self.spans + [line for block in BLOCK.findall(self.text) for line in block.splitlines()[1:-1]]

    def named_as(self, kind: str) -> Iterator[str]:
        """Yields the names in lists after this word: table `Jobs`; queues `A`, `B` and `C`."""
        plural = "es" if kind == "index" else "s"
        lists = rf"\b{kind}(?:{plural})?:?\s+(`\w[\w-]*`(?:(?:,| and|, and)\s+`\w[\w-]*`)*)"
        for names in re.findall(lists, self.prose, re.IGNORECASE):
            yield from SPAN.findall(names)


@cache
def guides() -> list[Guide]:
    """Returns the whole documentation."""
    return [Guide(path) for pattern in GUIDES for path in sorted(PROJECT.glob(pattern))]


@cache
def template() -> dict[str, Any]:
    """Returns the template with its short forms written out."""
    return load_template()


def of_types(types: Iterable[str]) -> set[str]:
    """Returns the names of the resources of these types."""
    wanted = set(types)
    return {name for name, resource in template()["Resources"].items() if resource["Type"] in wanted}


def keys(value: Any) -> Iterator[str]:
    """Yields every key in a structure: the names of resources and of their properties."""
    if isinstance(value, dict):
        yield from (str(key) for key in value)
        yield from chain.from_iterable(keys(inner) for inner in value.values())
    elif isinstance(value, list):
        yield from chain.from_iterable(keys(inner) for inner in value)


def parameter_values() -> set[str]:
    """Returns the values that parameters of the template can have."""
    return set(map(str, chain.from_iterable(one.get("AllowedValues", []) for one in template()["Parameters"].values())))


def shown_metrics() -> set[str]:
    """Returns the metrics of the functions that the dashboard shows."""
    body = template()["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    return set(re.findall(r'\["\$\{AWS::StackName\}", "(\w+)"\]', body))


def indexes() -> set[str]:
    """Returns the names of all indexes of tables."""
    tables = (template()["Resources"][name]["Properties"] for name in of_types(KINDS["table"]))
    return {index["IndexName"] for table in tables for index in table.get("GlobalSecondaryIndexes", [])}


@cache
def rust_items() -> set[str]:
    """Returns what the crates below `shared` and `functions` define, and the promises of the ports."""
    sources = [path for folder in ("functions", "shared") for path in (PROJECT / folder).rglob("src/**/*.rs")]
    sources += (PROJECT / "tests/ports/contract").glob("*.rs")
    texts = [path.read_text() for path in sources]
    return {name for text in texts for name in RUST_ITEM.findall(text) + RUST_FIELD.findall(text)}


def environment_variables(makefile: str) -> set[str]:
    """Returns the variables that make exports, and those that the Python programs read."""
    exported = chain.from_iterable(names.split() for names in re.findall(r"^export (.+)$", makefile, re.MULTILINE))
    programs = (path.read_text() for path in (PROJECT / "infra").rglob("*.py"))
    return set(exported).union(*(re.findall(r"environ\.get\(\"([A-Z_]+)", text) for text in programs))


def is_known(name: str, known: Iterable[str]) -> bool:
    """Returns whether a name is known. `XRole` is the name of any role, and `Gateway…` of all that begin so."""
    pattern = re.escape(name.removesuffix("…")) + (".+" if name.endswith("…") else "")
    pattern = re.sub(r"^X(?=[A-Z])", r"\\w+", pattern)
    return any(re.fullmatch(pattern, one) for one in known)


def paths_in(code: str) -> Iterator[str]:
    """Yields the paths of the repository in a piece of code: below one of its folders, or of a file at its top."""
    for word in re.split(r"[\s=\"'()]+", code):
        path = word.rstrip("/,;:.")
        if path.split("/")[0] in FOLDERS or re.fullmatch(r"[\w.-]+\.(?:md|toml|yaml|lock)", path):
            yield path


def exists(path: str) -> bool:
    """Returns whether a path is in the repository. `X` and `{x}` stand for any name, `{a,b}` for both names."""
    if options := re.search(r"\{([^}]*,[^}]*)\}", path):
        return all(exists(path.replace(options[0], option)) for option in options[1].split(","))
    # A user makes the files that git ignores by their names, such as the answers to SAM CLI.
    is_made = path in (PROJECT / ".gitignore").read_text().replace("\n/", "\n").splitlines()
    return is_made or any(PROJECT.glob(re.sub(r"\{\w+\}|\bX\b", "*", path)))


def anchors(text: str) -> set[str]:
    """Returns the anchors that GitHub makes of headings: https://docs.github.com/get-started/writing-on-github."""
    headings = re.findall(r"^#+ (.+)$", BLOCK.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def assert_none(wrong: Iterable[tuple[str, str]], rule: str) -> None:
    """Fails with each wrong name and its file, if there are any."""
    found = "".join(f"\n  {guide}: {name}" for guide, name in sorted(set(wrong)))
    assert not found, f"{rule}:{found}"


def test_a_capitalized_name_is_in_the_template_or_of_aws() -> None:
    known = set(keys(template())) | parameter_values() | shown_metrics() | FOREIGN
    wrong = [
        (guide.name, span)
        for guide in guides()
        for span in guide.spans
        if CAPITALIZED.fullmatch(span)
        and not is_known(span, known | rust_items() if guide.name == ARCHITECTURE else known)
    ]
    assert_none(wrong, "Neither in template.yaml nor on the list of names of others")


def test_the_list_of_names_of_others_holds_those_that_are_needed() -> None:
    spans = {span for guide in guides() for span in guide.spans}
    assert FOREIGN - spans == set(), "named in no guide"
    assert FOREIGN & set(keys(template())) == set(), "in template.yaml anyway"


def test_what_is_called_a_queue_or_table_or_function_is_one() -> None:
    of_kind = {kind: of_types(types) for kind, types in KINDS.items()} | {"index": indexes()}
    of_kind |= {"parameter": set(template()["Parameters"]), "output": set(template()["Outputs"])}
    named = [(guide.name, kind, name) for guide in guides() for kind in of_kind for name in guide.named_as(kind)]
    assert {kind for _, kind, _ in named} & {"queue", "table", "index"} == {"queue", "table", "index"}
    wrong = [(guide, f"{kind} `{name}`") for guide, kind, name in named if not is_known(name, of_kind[kind])]
    assert_none(wrong, "Not in template.yaml as what it is called")


def test_the_platform_guide_names_what_is_deployed() -> None:
    (guide,) = (guide for guide in guides() if guide.name == PLATFORM)
    names = of_types(LOOKED_UP) | set(template()["Parameters"]) | set(template()["Outputs"])
    assert_none(((PLATFORM, name) for name in names - set(guide.spans)), "Not named")


def test_make_has_the_targets_and_variables() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", makefile, re.MULTILINE))
    variables = set(re.findall(r"\$\(([A-Z_]+)", makefile)) | environment_variables(makefile)
    wrong = []
    for guide in guides():
        for target, settings in (found.groups() for code in guide.code if (found := MAKE.match(code))):
            named = set(re.findall(r"([A-Z_]+)=", settings))
            wrong += [(guide.name, f"make {target}")] if target not in targets else []
            wrong += [(guide.name, f"make {target} {name}=") for name in named - variables]
    assert_none(wrong, "Not in the Makefile, nor read by what it runs")


def test_command_lines_have_the_commands() -> None:
    sources = {"bulk": "infra/bulk/src/main.rs", "bulk-admin": "infra/bulk-admin/src/commands.rs"}
    commands = set()
    for program, source in sources.items():
        pattern = r"^(?:pub )?enum Command \{$(.*?)^\}$"
        variants = re.search(pattern, (PROJECT / source).read_text(), re.MULTILINE | re.DOTALL)
        assert variants is not None
        names = re.findall(r"^    ([A-Z]\w+)\(", variants[1], re.MULTILINE)
        commands |= {(program, name.lower()) for name in names}
    named = [
        (guide.name, *found.groups()) for guide in guides() for code in guide.code if (found := COMMAND.match(code))
    ]
    assert len(named) > 20
    assert {program for _, program, _ in named} == set(sources)
    assert_none(
        ((guide, f"{program} {name}") for guide, program, name in named if (program, name) not in commands),
        "Not a command of bulk or bulk-admin",
    )


def test_the_log_messages_of_the_platform_guide_are_logged() -> None:
    (guide,) = (guide for guide in guides() if guide.name == PLATFORM)
    table = re.search(r"^\| message \| level .*?\n\n", guide.text, re.MULTILINE | re.DOTALL)
    assert table is not None
    cells = [row.split("|")[1] for row in table[0].splitlines()[2:] if row]
    # A message ends where its variable part begins. A filter of CloudWatch has its text in quotes.
    messages = [span.partition("…")[0] for cell in cells for span in SPAN.findall(cell)]
    messages += re.findall(r"[`']\"([A-Z][^\"]+)\"[`']", guide.text)
    sources = [path.read_text() for top in ("functions", "shared") for path in (PROJECT / top).glob("*/src/**/*.rs")]
    assert len(messages) > 20
    missing = (message for message in messages if not any(f'"{message}' in source for source in sources))
    assert_none(((PLATFORM, message) for message in missing), "Not logged")


@pytest.mark.parametrize("heading", ["Safeguards of HIPAA", "Threats"])
def test_the_security_guide_shows_how_each_row_is_met_or_says_that_it_is_not_built(heading: str) -> None:
    (guide,) = (guide for guide in guides() if guide.name == SECURITY)
    section = guide.text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 10
    shown = re.compile(r"`(?:tests|shared|functions|make) ?[^`]*`|in the template|\]\([\w./]*#")
    wrong = [(SECURITY, row[0]) for row in rows if not (shown.search(row[2]) or "**Not built" in "".join(row))]
    assert_none(wrong, "Neither shown by a test, a target, the template or a section, nor called not built")


def test_files_and_folders_exist() -> None:
    wrong = [
        (guide.name, path) for guide in guides() for code in guide.code for path in paths_in(code) if not exists(path)
    ]
    assert_none(wrong, "No such file in the repository")


def test_links_lead_to_files_and_headings() -> None:
    wrong = []
    for guide in guides():
        for link in LINK.findall(guide.prose):
            if re.match(r"\w+:", link):
                continue
            name, _, anchor = link.partition("#")
            target = (guide.path.parent / name).resolve() if name else guide.path
            if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
                wrong.append((guide.name, link))
    assert_none(wrong, "Leads nowhere")


def test_rust_paths_end_in_something_that_is_defined() -> None:
    wrong = [
        (guide.name, span)
        for guide in guides()
        for span in guide.spans
        if RUST_PATH.fullmatch(span) and not rust_items().issuperset(span.split("::")[1:])
    ]
    assert_none(wrong, "Not defined below shared, functions or tests/ports")
