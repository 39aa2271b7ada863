"""Counts the functions' AWS calls, by operation, for three imports: a first one, the same file again, and a file
in which a fifth of the rows are about people of earlier rows: `make calls ROWS=5000`.

What the emulator does in Lambda's place is not among them: receiving and deleting messages, writing logs.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import sample
from client import Api, Failure, upload
from receiver import Receiver

MORE_TWINS = 0.2
QUIET_SECONDS = 180
SETTLING_SECONDS = 1.0
#: What DynamoDB bills as writes and as reads; the rest of the services' calls are billed one by one.
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem")
READS = ("GetItem", "BatchGetItem", "Query")

Count = collections.Counter[str]


def counted(proxy: str) -> tuple[Count, Count]:
    """Calls of each operation so far, and the items in them."""
    with urllib.request.urlopen(f"{proxy}/_faults/calls", timeout=30) as answer:
        counts = json.load(answer)
    return Count(counts["calls"]), Count(counts["items"])


def run(stack: dict[str, Any], file: Path) -> tuple[Count, Count]:
    """Imports a file and gives what it took, from making the job to the last webhook."""
    api, receiver = Api(stack["apiUrl"], stack["apiKey"]), Receiver()
    api.call("POST", "/settings", {"webhookUrl": receiver.url}, shown=False)
    calls, items = settled(stack["faults"])
    job = api.call("POST", f"/medical/v1/patient/bulk?facilityId={stack['facilities'][0]}", shown=False)
    upload(job["uploadUrl"], file)
    wait_for_end(receiver, job["requestId"])
    calls_after, items_after = settled(stack["faults"])
    return calls_after - calls, items_after - items


def wait_for_end(receiver: Receiver, job: str) -> None:
    """Waits for the job's last webhook, without asking: that would be calls, too."""
    while message := receiver.take(QUIET_SECONDS):
        said = message.json()["bulkPatientCreate"]
        if said["requestId"] == job and said["status"] != "processing":
            if said["status"] == "completed":
                return
            raise Failure(f"the job failed: {said.get('reason')}")
    raise Failure(f"no webhook for {QUIET_SECONDS} s")


def settled(proxy: str) -> tuple[Count, Count]:
    """The counts when nobody calls any more: the last webhook is noted after it was delivered."""
    before, now = None, counted(proxy)
    while before != now:
        time.sleep(SETTLING_SECONDS)
        before, now = now, counted(proxy)
    return now


def summary(items: Count, calls: Count, rows: int) -> dict[str, float]:
    """What the budgets are about, for each row."""

    def total(counts: Count, service: str, operations: tuple[str, ...] | None = None) -> float:
        return (
            sum(
                count
                for name, count in counts.items()
                if name.split(".")[0] == service and (operations is None or name.split(".")[1] in operations)
            )
            / rows
        )

    return {
        "DynamoDB items written": total(items, "dynamodb", WRITES),
        "DynamoDB items read": total(items, "dynamodb", READS),
        "DynamoDB calls": total(calls, "dynamodb"),
        "S3 calls": total(calls, "s3"),
        "SQS calls": total(calls, "sqs"),
    }


def show(columns: dict[str, tuple[Count, Count]], rows: int) -> None:
    """Prints a table: per row first, then all calls."""
    print(f"\n{'for each row':<30}" + "".join(f"{title:>18}" for title in columns))
    summaries = [summary(items, calls, rows) for calls, items in columns.values()]
    for name in summaries[0]:
        print(f"{name:<30}" + "".join(f"{one[name]:>18.4f}" for one in summaries))
    print(f"\n{f'calls for {rows:,} rows':<30}")
    for name in sorted({name for calls, _ in columns.values() for name in calls}):
        print(f"  {name:<28}" + "".join(f"{calls[name]:>18,}" for calls, _ in columns.values()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5000)
    arguments = parser.parse_args()
    stack = json.loads(Path(os.environ["STACK"]).read_text())
    if not stack.get("faults"):
        parser.error("the stack does not count: start it with --faults none")
    columns = {}
    with tempfile.TemporaryDirectory() as folder:
        usual, twins = Path(folder) / "usual.csv", Path(folder) / "twins.csv"
        sample.write(usual, arguments.rows, 1, stack["facilities"], stack["cohorts"])
        sample.write(twins, arguments.rows, 2, stack["facilities"], stack["cohorts"], MORE_TWINS)
        for title, file in {"first import": usual, "same file again": usual, "20% twins": twins}.items():
            print(f"{title} …", file=sys.stderr)
            columns[title] = run(stack, file)
    show(columns, arguments.rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
