"""Counts the AWS calls of three imports: `make calls ROWS=5000`.

They are a first import, the same file again, and a file with more duplicate rows. The calls that the emulator makes in
the place of Lambda are not among them: receiving and deleting messages, and writing logs.
"""

from __future__ import annotations

import argparse
import collections
import json
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from infra.demo import sample
from local_stack.description import Stack
from tests.api.client import upload
from tests.measure.imports import Importer

MORE_DUPLICATES = 0.2
SETTLING_SECONDS = 1.0
#: DynamoDB bills items written and items read; the other services bill calls.
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "BatchExecuteStatement")
READS = ("GetItem", "BatchGetItem", "Query")

Count = collections.Counter[str]


def counted(proxy: str) -> tuple[Count, Count]:
    """Returns the calls of each operation so far, and the items in them."""
    with urllib.request.urlopen(f"{proxy}/_faults/calls", timeout=30) as answer:
        counts = json.load(answer)
    return Count(counts["calls"]), Count(counts["items"])


def settled(proxy: str) -> tuple[Count, Count]:
    """Returns the counts as soon as they stay the same: a webhook's outcome is stored after its delivery."""
    before, now = None, counted(proxy)
    while before != now:
        time.sleep(SETTLING_SECONDS)
        before, now = now, counted(proxy)
    return now


def measure(stack: Stack, proxy: str, file: Path) -> tuple[Count, Count]:
    """Imports a file. Returns the calls of each operation from the creation of the job to the end, and their items."""
    importer = Importer(stack)
    calls, items = settled(proxy)
    upload(importer.create_job(), file)
    importer.wait_for_end()
    calls_after, items_after = settled(proxy)
    return calls_after - calls, items_after - items


def summary(items: Count, calls: Count, rows: int) -> dict[str, float]:
    """Returns for each row what the services bill."""

    def total(counts: Count, service: str, operations: tuple[str, ...] | None = None) -> float:
        of_service = {name.split(".")[1]: count for name, count in counts.items() if name.split(".")[0] == service}
        return sum(count for name, count in of_service.items() if not operations or name in operations) / rows

    return {
        "DynamoDB items written": total(items, "dynamodb", WRITES),
        "DynamoDB items read": total(items, "dynamodb", READS),
        "DynamoDB calls": total(calls, "dynamodb"),
        "S3 calls": total(calls, "s3"),
        "SQS calls": total(calls, "sqs"),
    }


def show(columns: dict[str, tuple[Count, Count]], rows: int) -> None:
    """Prints a table, first for each row and then all calls."""
    print(f"\n{'for each row':<30}" + "".join(f"{title:>18}" for title in columns))
    summaries = [summary(items, calls, rows) for calls, items in columns.values()]
    for name in summaries[0]:
        print(f"{name:<30}" + "".join(f"{one[name]:>18.4f}" for one in summaries))
    print(f"\n{f'calls for {rows:,} rows':<30}")
    for name in sorted({name for calls, _ in columns.values() for name in calls}):
        print(f"  {name:<28}" + "".join(f"{calls[name]:>18,}" for calls, _ in columns.values()))


def main() -> int:
    """Measures the three imports on a stack that counts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=5000)
    rows = parser.parse_args().rows
    stack = Stack.current()
    if stack.faults is None:
        parser.error("the stack does not count: start it with --faults none")
    columns = {}
    with tempfile.TemporaryDirectory() as folder:
        usual, duplicates = Path(folder) / "usual.csv", Path(folder) / "duplicates.csv"
        sample.write(usual, rows, 1, stack.facilities, stack.cohorts)
        sample.write(duplicates, rows, 2, stack.facilities, stack.cohorts, MORE_DUPLICATES)
        for title, file in {"first import": usual, "same file again": usual, "20% duplicates": duplicates}.items():
            print(f"{title} …", file=sys.stderr)
            columns[title] = measure(stack, stack.faults, file)
    show(columns, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
