"""Imports a file on a local stack with `bulk`, while `bulk listen` shows the webhooks: `make demo` and `make import`.

What runs is the command line that customers use. This program only makes the sample file, sets the webhook URL, and
prints which commands it runs.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shlex
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from infra.demo import sample
from local_stack.customer import BULK
from local_stack.description import Stack
from local_stack.paths import PROJECT, StackFiles

SAMPLE_ROWS = 1200
#: The exit statuses of `bulk import` after an import that has completed.
SUCCEEDED, ROWS_FAILED = 0, 2
#: The number of patients among which the demo looks for one with documents.
PATIENTS_READ = 20
#: The last webhook is sent as soon as the import has ended.
LAST_WEBHOOK_SECONDS = 30
FINAL_STATUSES = ["completed", "failed"]


@dataclass
class Listener:
    """A `bulk listen` that runs in the background."""

    process: subprocess.Popen[str]
    url: str
    #: Set when the webhook about the end of the import has arrived.
    final: threading.Event = field(default_factory=threading.Event)

    def show(self) -> None:
        """Prints each line of `bulk listen`, over the progress bar if there is one."""
        assert self.process.stdout is not None
        over_bar = "\r\033[K" if sys.stderr.isatty() else ""
        for line in self.process.stdout:
            print(f"{over_bar}  webhook  {line}", end="", flush=True)
            if line.split()[1:2] in ([status] for status in FINAL_STATUSES):
                self.final.set()


@contextmanager
def listening(bulk: list[str], key_file: Path) -> Iterator[Listener]:
    """Runs `bulk listen` with the webhook key of a file, and interrupts it at the end.

    Raises `SystemExit` if a webhook's signature was wrong.
    """
    show_command([*bulk, "listen", "--key-file", str(key_file)])
    process = subprocess.Popen(
        [*bulk, "listen", "--port", "0", "--key-file", str(key_file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    # "Listening on http://127.0.0.1:1234/, answering 200."
    listener = Listener(process, process.stderr.readline().split()[2].rstrip("/,"))
    reader = threading.Thread(target=listener.show, daemon=True)
    reader.start()
    try:
        yield listener
    finally:
        process.send_signal(2)
        errors = process.stderr.read()
        reader.join()
        if process.wait() != 0:
            raise SystemExit(errors)


def set_webhook_url(stack: Stack, url: str, key_file: Path) -> None:
    """Sets where webhooks go, and saves the key with which they are signed for its owner only."""
    body = json.dumps({"webhookUrl": url})
    show_command(["curl", "-X", "POST", "$API/settings", "-H", "x-api-key: $KEY", "-d", body])
    headers = {"x-api-key": stack.api_key, "content-type": "application/json"}
    request = urllib.request.Request(f"{stack.api_url}/settings", body.encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        key = json.load(answer)["webhookKey"]
    key_file.unlink(missing_ok=True)
    key_file.touch(mode=0o600)
    key_file.write_text(key)


def show_command(command: list[str]) -> None:
    """Prints a command as a user types it."""
    print(f"\n$ {shlex.join(shortened(argument) for argument in command)}", flush=True)


def shortened(argument: str) -> str:
    """Returns a path below the present folder without that folder, and anything else unchanged."""
    path = Path(argument)
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_absolute() and path.is_relative_to(here) else argument


def target(folder: Path, name: str, uploaded: Path) -> Path:
    """Returns where to save a file, which is never the uploaded file itself, such as a corrected failures.csv."""
    path = folder / f"{name}.csv"
    return folder / f"{name}-2.csv" if path.resolve() == uploaded.resolve() else path


def patients(result: Path) -> list[str]:
    """Returns the ids of the patients in a result file, which are in its third to last column."""
    with result.open(newline="", encoding="utf-8") as file:
        return [row[-3] for row in list(csv.reader(file))[1:] if row[-3]]


def read_back(bulk: list[str], imported: list[str]) -> None:
    """Shows a patient, and the documents of the first patient that has documents."""
    for what in ("get", "documents"):
        for patient in imported[:PATIENTS_READ]:
            command = [*bulk, "patient", what, patient]
            output = subprocess.run([*command, "--quiet"], check=True, stdout=subprocess.PIPE, text=True).stdout
            if output:
                show_command(command)
                print(output, end="", flush=True)
                break


def run(stack: Stack, file: Path, out: Path, options: list[str]) -> int:
    """Imports a file and returns the exit status, which is 0 if each row has an outcome."""
    bulk = [str(BULK)]
    os.environ["BULK_CONFIG"] = str(StackFiles(stack.name).profile)
    key_file = stack.folder / "webhook.key"
    result, failures = target(out, "result", file), target(out, "failures", file)
    out.mkdir(parents=True, exist_ok=True)
    failures.unlink(missing_ok=True)
    with listening(bulk, key_file) as listener:
        set_webhook_url(stack, listener.url, key_file)
        command = [*bulk, "import", str(file), "--result", str(result), "--failures", str(failures), *options]
        show_command(command)
        status = subprocess.call(command)
        if status in {SUCCEEDED, ROWS_FAILED} and not listener.final.wait(LAST_WEBHOOK_SECONDS):
            raise SystemExit(f"The last webhook did not arrive within {LAST_WEBHOOK_SECONDS} s. Logs: {stack.logs}")
    if status in {SUCCEEDED, ROWS_FAILED}:
        read_back(bulk, patients(result))
    return 0 if status == ROWS_FAILED else status


def main() -> int:
    """Imports the file of the command line, or a sample."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("file", type=Path, nargs="?", help="the file to import (default: a sample)")
    parser.add_argument("--rows", type=int, default=SAMPLE_ROWS, help="rows of the sample")
    parser.add_argument("--dry-run", action="store_true", help="check the file only")
    parser.add_argument("--out", type=Path, default=PROJECT, help="folder for result.csv and failures.csv")
    arguments = parser.parse_args()
    stack = Stack.current()
    file = arguments.file
    if file is None:
        file = stack.folder / "sample.csv"
        sample.write(file, arguments.rows, 1, stack.facilities, stack.cohorts)
    options = ["--dry-run"] if arguments.dry_run else []
    try:
        return run(stack, file, arguments.out, options)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
