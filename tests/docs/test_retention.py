"""Compares each number of days in the guides with the template, so that all guides say the same about what is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.docs.test_docs import guides, template

DAY = 24 * 60 * 60
WORDS = {"three": 3}
NUMBER = r"(\d[\d,]*|three)"

#: How long point-in-time recovery goes back, if the template sets no `RecoveryPeriodInDays`.
RECOVERY_DAYS = 35


def default(parameter: str) -> int:
    """Returns the default of a parameter."""
    return int(template()["Parameters"][parameter]["Default"])


def replaced_days() -> int:
    """Returns for how long S3 keeps a version that another one replaced."""
    rules = template()["Resources"]["Files"]["Properties"]["LifecycleConfiguration"]["Rules"]
    (days,) = [rule["NoncurrentVersionExpiration"]["NoncurrentDays"] for rule in rules if rule["Id"] == "retention"]
    return int(days)


def queue_days(name: str) -> float:
    """Returns for how long a queue keeps a message."""
    return int(template()["Resources"][name]["Properties"]["MessageRetentionPeriod"]) / DAY


def recovery_days() -> int:
    """Returns for how long point-in-time recovery of all tables goes back."""
    tables = [it for it in template()["Resources"].values() if it["Type"] == "AWS::DynamoDB::Table"]
    settings = [it["Properties"]["PointInTimeRecoverySpecification"] for it in tables]
    assert all(setting["PointInTimeRecoveryEnabled"] for setting in settings)
    (days,) = {setting.get("RecoveryPeriodInDays", RECOVERY_DAYS) for setting in settings}
    return int(days)


def statements() -> dict[str, float]:
    """Returns how the guides write a number of days, and the number by the template."""
    return {
        rf"are deleted {NUMBER} days after each was written": default("RetentionDays"),
        rf"are kept for {NUMBER} days, or the stack's `RetentionDays`": default("RetentionDays"),
        rf"files: {NUMBER} days": default("RetentionDays"),
        rf"`RetentionDays` \({NUMBER}\)": default("RetentionDays"),
        rf"`DocumentRetentionDays` \({NUMBER}\)": default("DocumentRetentionDays"),
        rf"keeps the copy for {NUMBER} days": default("DocumentRetentionDays"),
        rf"logs: {NUMBER} days": default("LogRetentionDays"),
        rf"`AuditRetentionDays` is its retention: {NUMBER} days": default("AuditRetentionDays"),
        rf"removes (?:files|its version) {NUMBER} days (?:later|after)": replaced_days(),
        rf"then {NUMBER} more until S3 removes": replaced_days(),
        rf"and {NUMBER} days until S3 removes": replaced_days(),
        rf"\| {NUMBER} days; `Copies` an hour": queue_days("Uploads"),
        rf"webhooks and dead letters {NUMBER} \|": queue_days("Webhooks"),
        rf"queues keep them for {NUMBER} days": queue_days("ChunkDeadLetters"),
        rf"retries for {NUMBER} days": queue_days("ChunkDeadLetters"),
        rf"queues (?:hold|keep) ids for up to {NUMBER} days": queue_days("Webhooks"),
        rf"recovery [^.|]{{0,40}}for {NUMBER} days": recovery_days(),
        rf"restored for {NUMBER} days": recovery_days(),
        # A day more than a restore can go back, as the default of `--since`.
        rf"have done in the last {NUMBER} days": recovery_days() + 1,
        rf"with {NUMBER} days of point-in-time recovery": recovery_days(),
        rf"point-in-time recovery of `Patients` \| {NUMBER} days": recovery_days(),
        rf"back(?:up)?s (?:beyond|end) {NUMBER} days": recovery_days(),
        rf"last backup of a deleted table for {NUMBER} days": recovery_days(),
    }


#: Numbers of days that are no retention, with the words around them.
OTHERS = ("(43,200 in 30 days)", "| 4 days later, and days more until DynamoDB")


def texts() -> Iterator[tuple[str, str]]:
    """Yields the name of each guide, and its text with each run of spaces and line breaks as one space."""
    for guide in guides():
        if not guide.name.startswith(".github") and not guide.name.endswith("CHANGELOG.md"):
            yield guide.name, re.sub(r"\s+", " ", guide.prose)


def number(text: str) -> int:
    """Returns a number that is written in digits or as a word."""
    return WORDS.get(text) or int(text.replace(",", ""))


def test_each_statement_is_made_and_says_what_the_template_has() -> None:
    """A statement that no guide makes any more is removed from the list."""
    for pattern, expected in statements().items():
        found = [(name, number(match[1])) for name, text in texts() for match in re.finditer(pattern, text)]
        assert found, f"no guide says: {pattern}"
        assert {days for _, days in found} == {expected}, f"{pattern}: {found}, and {expected} in the template"


def test_each_queue_of_the_platform_guide_keeps_messages_for_as_long_as_it_says() -> None:
    """The guide has a table of all queues."""
    (platform,) = [guide for guide in guides() if guide.name.endswith("platform.md")]
    rows = re.findall(r"^\| `(\w+)` \|.*\| (\d+ days|a day|an hour) \|$", platform.text, re.MULTILINE)
    sources = {name for name, it in template()["Resources"].items() if it["Type"] == "AWS::SQS::Queue"}
    assert {name for name, _ in rows} == {name for name in sources if not name.endswith("DeadLetters")}
    words = {"an hour": 1 / 24, "a day": 1}
    kept = {name: words[time] if time in words else int(time.removesuffix(" days")) for name, time in rows}
    assert kept == {name: queue_days(name) for name, _ in rows}


def test_no_guide_names_days_that_are_not_compared() -> None:
    """Otherwise another sentence could say another number."""
    for name, text in texts():
        rest = re.sub(r"\| `\w+` \|[^|]*\|[^|]*\| \d+ days \|", "", text)
        for pattern in statements():
            rest = re.sub(pattern, "", rest)
        for other in OTHERS:
            rest = rest.replace(other, "")
        left = re.findall(r".{0,60}\b(?:\d[\d,]*|three) days\b.{0,20}", rest)
        assert not left, f"{name}: {left}"
