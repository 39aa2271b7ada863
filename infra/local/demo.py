"""Imports a file through the public API alone, and shows every step: `make demo` and `make import FILE=…`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import urllib.parse
from pathlib import Path
from typing import Any

import report
import sample
from client import Api, Failure, Unanswered, download, upload
from paths import PROJECT
from receiver import Received, Receiver
from terminal import Bar, bold, dim, green, red

SAMPLE_ROWS = 1200
POLL_SECONDS = 0.25
#: Patients whose documents are read one by one.
PATIENTS_READ = 50
#: Longer than the service needs for a step of a file of 100,000 rows.
QUIET_SECONDS = 180


def wait_for_end(api: Api, job: str, receiver: Receiver, key: str) -> Received:
    """Shows the webhooks as they come, and rows done in between, until the job's last message."""
    path = f"/medical/v1/patient/bulk/{job}"
    bar, queries = Bar("importing", "rows"), Bar("asking the gateway", "patients")
    last_news, problem = time.monotonic(), ""
    known: dict[str, Any] = {}
    while time.monotonic() - last_news < QUIET_SECONDS:
        if message := receiver.take(POLL_SECONDS):
            last_news = time.monotonic()
            report_of_job = message.json()["bulkPatientCreate"]
            if report_of_job["requestId"] != job:
                continue
            ended = report_of_job["status"] in ("completed", "failed")
            if ended:
                finish(bar, known.get("total"))
                finish(queries, known.get("documentQueries", {}).get("total"))
            bar.clear()
            queries.clear()
            show_webhook(message, key)
            if ended:
                return message
            continue
        try:
            state = api.call("GET", path, shown=False)
        except Unanswered as error:
            problem = str(error)
            continue
        if any(state.get(name) != known.get(name) for name in ("status", "successful", "failed", "documentQueries")):
            last_news = time.monotonic()
        known = state
        if state["status"] == "processing" and state["total"]:
            done, asked = state["successful"] + state["failed"], state.get("documentQueries")
            if done < state["total"] or not asked:
                bar.update(done, state["total"])
            else:
                finish(bar, state["total"])
                queries.update(asked["successful"] + asked["failed"], asked["total"])
    bar.close()
    queries.close()
    raise Failure(
        f"no webhook and no progress for {QUIET_SECONDS} s; the job is {known.get('status', 'unknown')}. {problem}"
    )


def finish(bar: Bar, total: int | None) -> None:
    """Shows a bar as full, once, if there is anything of it."""
    if total and not bar.closed:
        bar.update(total, total)
        bar.close()


def show_webhook(message: Received, key: str) -> None:
    """Prints a webhook as it arrived; its link without the signature."""
    holds = message.is_signed_with(key)
    verdict = green("✓ signatures hold") if holds else red("✗ SIGNATURES DO NOT HOLD")
    body = message.json()
    if link := body["bulkPatientCreate"].get("result"):
        body["bulkPatientCreate"]["result"] = link.split("?")[0] + "?…"
    print(f"   {bold(body['bulkPatientCreate']['status'])}  {verdict}")
    for line in json.dumps(body, indent=2, ensure_ascii=False).splitlines():
        print(dim(f"     {line}"))
    if not holds:
        raise Failure("a webhook is not signed with the key of the settings")


def show_patient(api: Api, patient: str) -> None:
    """Reads one of the patients back."""
    for line in json.dumps(
        api.call("GET", f"/medical/v1/patient/{patient}"), indent=2, ensure_ascii=False
    ).splitlines():
        print(dim(f"     {line}"))


def count_documents(api: Api, patients: set[str]) -> tuple[int, int]:
    """How many of the patients have documents at the gateway, and how many those are."""
    bar, counts = Bar("reading documents", "patients"), []
    for number, patient in enumerate(sorted(patients), start=1):
        counts.append(len(api.call("GET", f"/medical/v1/document?patientId={patient}", shown=number == 1)["documents"]))
        bar.update(number, len(patients))
    bar.close()
    return sum(count > 0 for count in counts), sum(counts)


def show_documents(api: Api, job: dict[str, Any], patients: set[str]) -> None:
    """What the gateway, here a sandbox, has about the patients of the file."""
    asked = job["documentQueries"]
    some = set(sorted(patients)[:PATIENTS_READ])
    having, documents = count_documents(api, some)
    print(
        f"   {asked['total']:,} patients were looked for at the {bold('sandbox')} gateway, which is made up;"
        f" {asked['successful']:,} queries were answered, {asked['failed']:,} failed\n"
        f"   of {len(some):,} of these patients {bold(f'{having:,} have documents')}, {documents:,} in all"
    )


def heading(number: int, text: str) -> None:
    print(f"\n{bold(f'{number}  {text}')}")


def run(stack: dict[str, Any], file: Path, facility: str, out: Path, *, dry: bool, is_sample: bool) -> int:
    """Imports the file; 0 if every row has its outcome."""
    api, receiver = Api(stack["apiUrl"], stack["apiKey"]), Receiver()
    print(dim(f"\n   API={api.url}\n   KEY={api.key[:8]}…  (the stack's demo customer)"))
    heading(1, "Say where webhooks go")
    key = api.call("POST", "/settings", {"webhookUrl": receiver.url})["webhookKey"]
    heading(2, "Make a job")
    query = urllib.parse.urlencode({"facilityId": facility} | ({"dryRun": "true"} if dry else {}))
    job = api.call("POST", f"/medical/v1/patient/bulk?{query}")
    print(f"   requestId {job['requestId']}, status {job['status']}, and a link to upload to")
    heading(3, f"Upload {file.name}, {file.stat().st_size:,} bytes")
    upload(job["uploadUrl"], file)
    uploaded = time.monotonic()
    heading(4, "Wait for the webhooks")
    last = wait_for_end(api, job["requestId"], receiver, key).json()["bulkPatientCreate"]
    seconds = time.monotonic() - uploaded
    if last["status"] == "failed":
        print(f"\n{red('The file was not imported')}: {last.get('reason', 'no reason given')}")
        return 1
    heading(5, "Download the result")
    out.mkdir(parents=True, exist_ok=True)
    result, failures = target(out, "result", file), target(out, "failures", file)
    download("RESULT", last["result"], result)
    failures.unlink(missing_ok=True)
    ended = api.call("GET", f"/medical/v1/patient/bulk/{job['requestId']}", shown=False)
    if link := ended.get("failures"):
        download("FAILURES", link, failures)
    summary = report.read(result)
    report.show(summary, seconds)
    if is_sample and summary.patients:
        heading(6, "Read a patient back")
        show_patient(api, next(patient for _, patient, _, _ in summary.examples if patient))
        if ended.get("documentQueries"):
            heading(7, "Read their documents")
            show_documents(api, ended, summary.patients)
    print(f"\n   every row with its outcome   {bold(shortened(result))}")
    if failures.exists():
        print(
            f"   the failed rows, to correct  {bold(shortened(failures))}   then: make import FILE={shortened(failures)}"
        )
    print(f"   what was imported            {bold(shortened(file))}\n")
    return 1 if summary.unknown else 0


def target(folder: Path, name: str, uploaded: Path) -> Path:
    """Where to save a file; never over the one that was uploaded, which can be a corrected `failures.csv`."""
    path = folder / f"{name}.csv"
    return folder / f"{name}-2.csv" if path.resolve() == uploaded.resolve() else path


def shortened(path: Path) -> str:
    """A path as one would type it here."""
    path = path.resolve()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", help="the file to import (default: a sample)")
    parser.add_argument("--rows", type=int, default=SAMPLE_ROWS, help="rows of the sample")
    parser.add_argument("--facility", help="the facility of rows that name none (default: the stack's first)")
    parser.add_argument("--dry-run", action="store_true", help="check the file only")
    parser.add_argument("--out", type=Path, default=PROJECT, help="folder for result.csv and failures.csv")
    arguments = parser.parse_args()
    described = os.environ.get("STACK")
    if described is None:
        parser.error("run it on a local stack: stack.py run -- demo.py …")
    stack = json.loads(Path(described).read_text())
    file = arguments.file
    if file is None:
        file = Path(described).parent / "sample.csv"
        sample.write(file, arguments.rows, 1, stack["facilities"], stack["cohorts"])
    elif not file.is_file():
        parser.error(f"{file} is not a file")
    facility = arguments.facility or stack["facilities"][0]
    try:
        return run(stack, file, facility, arguments.out, dry=arguments.dry_run, is_sample=arguments.file is None)
    except Failure as error:
        print(red(f"\nThe import did not get to its end: {error}"), file=sys.stderr)
        print(f"The functions' logs: {stack['logs']}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read this has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
