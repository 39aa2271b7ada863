"""Imports a file through the public API alone, and shows every step: `make demo` and `make import FILE=…`."""

from __future__ import annotations

import argparse
import collections
import csv
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import sample
from paths import PROJECT
from receiver import Received, Receiver
from terminal import Bar, bold, dim, green, red

SAMPLE_ROWS = 1200
PATIENCE_SECONDS = 900
QUIET_SECONDS = 120
POLL_SECONDS = 0.25
UPLOAD_PIECE = 64 * 1024


class Failure(Exception):
    """The import did not get to its end; says what happened and where to look."""


class Api:
    """The service's API, as any HTTP client calls it."""

    def __init__(self, stack: dict[str, Any]) -> None:
        self.url, self.key, self.logs = stack["apiUrl"], stack["apiKey"], stack["logs"]

    def call(self, method: str, path: str, body: object = None, *, show: bool = True) -> dict[str, Any]:
        """Calls the API; shows the call as a `curl` line."""
        data = None if body is None else json.dumps(body)
        if show:
            shown = f" -d '{data}'" if data else ""
            print(dim(f'  $ curl -X {method} "$API{path}" -H "x-api-key: $KEY"{shown}'))
        request = urllib.request.Request(self.url + path, method=method, data=data and data.encode())
        request.add_header("x-api-key", self.key)
        request.add_header("content-type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise Failure(f"{method} {path} answered {error.code}: {error.read().decode(errors='replace')}") from None


def upload(url: str, file: Path) -> None:
    """`PUT`s the file piece by piece, with a progress bar."""
    print(dim(f'  $ curl -X PUT "$UPLOAD_URL" -H "content-type: text/csv" --data-binary @{file.name}'))
    parts, size = urllib.parse.urlsplit(url), file.stat().st_size
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=120)
    connection.putrequest("PUT", f"{parts.path}?{parts.query}")
    connection.putheader("content-type", "text/csv")
    connection.putheader("content-length", str(size))
    connection.endheaders()
    bar, sent = Bar("uploading ", "bytes"), 0
    with file.open("rb") as source:
        while piece := source.read(UPLOAD_PIECE):
            connection.send(piece)
            sent += len(piece)
            bar.update(sent, size)
    bar.close()
    answer = connection.getresponse()
    if answer.status != 200:
        raise Failure(f"the upload was answered {answer.status}: {answer.read().decode(errors='replace')}")


def wait_for_end(api: Api, job: str, receiver: Receiver, key: str) -> Received:
    """Shows the webhooks as they come, and rows done in between, until the job's last message."""
    path = f"/medical/v1/patient/bulk/{job}"
    bar: Bar | None = None
    last_sign_of_life, seen = time.monotonic(), -1
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if message := receiver.take(POLL_SECONDS):
            if bar:
                bar.close()
                bar = None
            last_sign_of_life = time.monotonic()
            show(message, key)
            if message.json()["bulkPatientCreate"]["status"] in ("completed", "failed"):
                return message
            continue
        state = api.call("GET", path, show=False)
        if state["status"] == "processing" and state["total"]:
            bar = bar or Bar("importing ", "rows")
            done = state["successful"] + state["failed"]
            if done != seen:
                last_sign_of_life, seen = time.monotonic(), done
            bar.update(done, state["total"])
        if time.monotonic() - last_sign_of_life > QUIET_SECONDS:
            raise Failure(f"nothing happened for {QUIET_SECONDS} s; the job is {state['status']}")
    raise Failure(f"the job did not end within {PATIENCE_SECONDS} s")


def show(message: Received, key: str) -> None:
    body = message.json()
    verdict = green("signatures hold") if message.is_signed_with(key) else red("SIGNATURE DOES NOT HOLD")
    report = dict(body["bulkPatientCreate"])
    if "result" in report:
        report["result"] = report["result"].split("?")[0] + "?…"
    print(f"  {bold('webhook')} {report['status']}  ({verdict})")
    for line in json.dumps({"meta": body["meta"], "bulkPatientCreate": report}, indent=2).splitlines():
        print(dim(f"    {line}"))


def download(url: str, target: Path) -> None:
    with urllib.request.urlopen(url, timeout=120) as answer, target.open("wb") as file:
        while piece := answer.read(1 << 20):
            file.write(piece)


def summarize(result: Path, seconds: float) -> bool:
    """Says in words what became of the rows; True if every row has an outcome."""
    reasons: collections.Counter[str] = collections.Counter()
    statuses: collections.Counter[str] = collections.Counter()
    patients = set()
    with result.open(newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            statuses[row["status"]] += 1
            if row["metriportId"]:
                patients.add(row["metriportId"])
            if row["status"] == "failed":
                reasons.update(reason.strip() for reason in row["reason"].split(";"))
    total = statuses.total()
    print()
    print(f"{bold(f'{total:,} rows')} in {seconds:.1f} s ({total / max(seconds, 0.001):,.0f} rows/s):")
    twins = statuses["succeeded"] - len(patients)
    print(f"  {green('succeeded')}  {statuses['succeeded']:,}  ({len(patients):,} patients, {twins:,} rows about one of them again)")
    print(f"  {red('failed')}     {statuses['failed']:,}")
    for reason, count in reasons.most_common(12):
        print(f"    {count:>6,}  {reason}")
    if len(reasons) > 12:
        print(f"            … and {len(reasons) - 12} other reasons, see the file")
    return set(statuses) <= {"succeeded", "failed"}


def run(stack: dict[str, Any], file: Path, facility: str, out: Path) -> int:
    api, receiver = Api(stack), Receiver()
    print(bold("\n1. Tell the service where webhooks go"))
    key = api.call("POST", "/settings", {"webhookUrl": receiver.url})["webhookKey"]
    print(bold("\n2. Make a job"))
    job = api.call("POST", f"/medical/v1/patient/bulk?facilityId={facility}")
    print(f"  requestId {job['requestId']}, status {job['status']}")
    print(bold(f"\n3. Upload {file.name} ({file.stat().st_size:,} bytes)"))
    upload(job["uploadUrl"], file)
    began = time.monotonic()
    print(bold("\n4. Wait for the webhooks"))
    last = wait_for_end(api, job["requestId"], receiver, key)
    seconds = time.monotonic() - began
    report = last.json()["bulkPatientCreate"]
    if report["status"] == "failed":
        print(f"\n{red('The file was not imported')}: {report['reason']}")
        return 1
    print(bold("\n5. Download the result"))
    result, failures = out / "result.csv", out / "failures.csv"
    download(report["result"], result)
    state = api.call("GET", f"/medical/v1/patient/bulk/{job['requestId']}")
    failures.unlink(missing_ok=True)
    if link := state.get("failures"):
        download(link, failures)
    complete = summarize(result, seconds)
    print(f"\nEvery row with its outcome: {bold(str(result))}")
    if failures.exists():
        print(f"The failed rows, to be corrected and uploaded again: {bold(str(failures))}")
    return 0 if complete else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", help="the file to import (default: a sample)")
    parser.add_argument("--rows", type=int, default=SAMPLE_ROWS, help="rows of the sample")
    parser.add_argument("--out", type=Path, default=PROJECT, help="folder for result.csv and failures.csv")
    arguments = parser.parse_args()
    stack = json.loads(Path(os.environ["STACK"]).read_text())
    file = arguments.file
    if file is None:
        file = Path(os.environ["STACK"]).parent / "sample.csv"
        sample.write(file, arguments.rows, 1, stack["facilities"], stack["cohorts"])
    if not file.is_file():
        print(red(f"{file} is not a file. Usage: make import FILE=path/to/patients.csv"), file=sys.stderr)
        return 2
    try:
        return run(stack, file, stack["facilities"][0], arguments.out)
    except (Failure, OSError) as error:
        print(red(f"\nThe import did not end: {error}"), file=sys.stderr)
        print(f"The functions' logs: {stack['logs']}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
