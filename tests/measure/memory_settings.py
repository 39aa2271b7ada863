"""What an import takes of Lambda with each memory setting: `make memory-settings ROWS=5000`.

More memory is more of a processor, and costs as much more: a function that waits for the network gains nothing by
it. Each setting imports a file of new people while the functions have that setting's share of a processor. DynamoDB
is the one in memory, and two chunks are imported at a time, so that what is measured is the functions rather than the
emulator, or their waiting for this machine's processor.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sample
from calls import wait_for_end
from client import Api, upload
from processor import functions_of
from quota import limited, share_of
from receiver import Receiver
from timeline import LOGS_SECONDS, runs

MEMORIES = (128, 256, 512, 1024, 1769)
FUNCTIONS = {"FanOut": "fan-out", "ImportRows": "import-rows", "Finalize": "finalize"}
#: What Lambda takes for a GB-second of arm64 in us-east-1, in dollars; as in tests/benches/import/cost.rs.
GB_SECOND = 0.0000133334


def run(stack: dict[str, Any], temporary: str, file: Path, memory: int) -> tuple[datetime, str]:
    """Imports a file with the share of this memory; says when it began, and how the functions were held to it."""
    api, receiver = Api(stack["apiUrl"], stack["apiKey"]), Receiver()
    api.call("POST", "/settings", {"webhookUrl": receiver.url}, shown=False)
    job = api.call("POST", f"/medical/v1/patient/bulk?facilityId={stack['facilities'][0]}", shown=False)
    began = datetime.now(UTC)
    with limited(lambda: list(functions_of(temporary)), share_of(memory)) as way:
        upload(job["uploadUrl"], file)
        wait_for_end(receiver, job["requestId"])
    time.sleep(LOGS_SECONDS)
    return began, way


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=5000)
    arguments = parser.parse_args()
    description = Path(os.environ["STACK"])
    stack = json.loads(description.read_text())
    temporary, logs = str(description.parent / "tmp"), description.parent / "logs"
    file = description.parent / "sample.csv"
    print(f"\n{'':>8}  {'fan-out':>16} {'import-rows, a chunk':>26} {'finalize':>16}   dollars for 100,000 rows")
    for seed, memory in enumerate((MEMORIES[-1], *MEMORIES)):
        sample.write(file, arguments.rows, seed, stack["facilities"], stack["cohorts"])
        began, way = run(stack, temporary, file, memory)
        if seed == 0:
            continue  # The first one had the processes started.
        total, columns = 0.0, []
        for function in FUNCTIONS:
            times = [end - start for start, end in runs(logs, function, began)]
            total += sum(times)
            columns.append(1000 * sum(times) / len(times))
        dollars = total * memory / 1024 * GB_SECOND * 100_000 / arguments.rows
        print(f"{memory:>5} MB  {columns[0]:>13.0f} ms {columns[1]:>23.0f} ms {columns[2]:>13.0f} ms   {dollars:.4f}, {way}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
