"""Imports a file on a local stack with `bulk`, while `bulk listen` shows the webhooks: `make demo` and `make import`.

What runs is the command line that customers use. This program only makes the sample file, sets the webhook URL, and
prints which commands it runs.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import shlex
import signal
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
#: The exit statuses of `bulk import` after a completed import: each row succeeded, or some rows failed.
COMPLETED = (0, 2)
ANSWER_SECONDS = 30
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


def bulk(*arguments: object) -> list[str]:
    """Returns a command of `bulk`."""
    return [str(BULK), *map(str, arguments)]


@contextmanager
def listening(key_file: Path) -> Iterator[Listener]:
    """Runs `bulk listen` with the webhook key of a file, and interrupts it at the end.

    Raises `SystemExit` if it does not start, or if the signature of a webhook was wrong.
    """
    command = bulk("listen", "--port", 0, "--key-file", key_file)
    show_command(shlex.join(map(shortened, command)))
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    first = process.stderr.readline()
    address = re.match(r"Listening on (http://\S+?)/?,", first)
    if address is None:
        raise SystemExit(first + process.stderr.read())
    listener = Listener(process, address[1])
    reader = threading.Thread(target=listener.show, daemon=True)
    reader.start()
    try:
        yield listener
    finally:
        process.send_signal(signal.SIGINT)
        errors = process.stderr.read()
        reader.join()
        if process.wait() != 0:
            raise SystemExit(errors)


def set_webhook_url(stack: Stack, url: str) -> str:
    """Sets where webhooks go, and returns the key that signs them."""
    body = json.dumps({"webhookUrl": url})
    show_command(f'curl -X POST "$API/settings" -H "x-api-key: $KEY" -d \'{body}\'')
    headers = {"x-api-key": stack.api_key, "content-type": "application/json"}
    request = urllib.request.Request(f"{stack.api_url}/settings", body.encode(), headers)
    with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
        key: str = json.load(answer)["webhookKey"]
    return key


def show_command(line: str) -> None:
    """Prints a command as a user types it."""
    print(f"\n$ {line}", flush=True)


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


def read_back(imported: list[str]) -> None:
    """Shows a patient, and the documents of the first patient that has documents."""
    for what in ("get", "documents"):
        for patient in imported[:PATIENTS_READ]:
            command = bulk("patient", what, patient)
            output = subprocess.run([*command, "--quiet"], check=True, stdout=subprocess.PIPE, text=True).stdout
            if output:
                show_command(shlex.join(map(shortened, command)))
                print(output, end="", flush=True)
                break


def run(stack: Stack, file: Path, out: Path, options: list[str]) -> int:
    """Imports a file and returns the exit status, which is 0 if each row has an outcome."""
    os.environ["BULK_CONFIG"] = str(StackFiles(stack.name).profile)
    print(f"API={stack.api_url}\nKEY={stack.api_key[:8]}…  (of the demo customer)")
    result, failures = target(out, "result", file), target(out, "failures", file)
    out.mkdir(parents=True, exist_ok=True)
    failures.unlink(missing_ok=True)
    key_file = stack.folder / "webhook.key"
    # For its owner only. It is empty until the key is known, so that the ping before is not checked.
    key_file.unlink(missing_ok=True)
    key_file.touch(mode=0o600)
    with listening(key_file) as listener:
        key_file.write_text(set_webhook_url(stack, listener.url))
        command = bulk("import", file, "--result", result, "--failures", failures, *options)
        show_command(shlex.join(map(shortened, command)))
        status = subprocess.call(command)
        if status in COMPLETED and not listener.final.wait(LAST_WEBHOOK_SECONDS):
            raise SystemExit(f"The last webhook did not arrive within {LAST_WEBHOOK_SECONDS} s. Logs: {stack.logs}")
    if status in COMPLETED:
        read_back(patients(result))
    return 0 if status in COMPLETED else status


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
