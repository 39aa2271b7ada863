"""Estimates what an import costs with each memory setting of Lambda: `make memory-settings ROWS=5000`.

With more memory, a function has a larger share of a processor and costs more in proportion, so a function that waits
for the network gains nothing. For each setting, this imports a file of new patients while the functions have that share
of a processor. DynamoDB runs in memory, and two chunks are imported at a time, so that the functions are the
bottleneck rather than the emulator or this machine's processor.
"""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from local_stack.description import Stack
from tests.api.client import upload
from tests.measure.imports import Importer, write_sample
from tests.measure.processor import functions_of
from tests.measure.quota import limited, share_of
from tests.measure.timeline import LOGS_SECONDS, runs

MEMORIES = (128, 256, 512, 1024, 1769)
FUNCTIONS = ("FanOut", "ImportRows", "Finalize")
#: The price of a GB-second on arm64 in us-east-1, in dollars, as in tests/benches/import/cost.rs.
GB_SECOND = 0.0000133334


def run(stack: Stack, file: Path, memory: int) -> tuple[datetime, str]:
    """Imports a file with the share of this memory. Returns when it began, and how the functions were limited."""
    importer = Importer(stack)
    link = importer.create_job()
    began = datetime.now(UTC)
    with limited(lambda: [process.pid for process, _ in functions_of(stack)], share_of(memory)) as way:
        upload(link, file)
        importer.wait_for_end()
    time.sleep(LOGS_SECONDS)
    return began, way


def main() -> int:
    """Prints a line for each memory setting."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=5000)
    stack, rows = Stack.current(), parser.parse_args().rows
    print(f"\n{'':>8}  {'fan-out':>16} {'import-rows, a chunk':>26} {'finalize':>16}   dollars for 100,000 rows")
    # The first import only starts the processes.
    run(stack, write_sample(stack, rows, seed=0), MEMORIES[-1])
    for seed, memory in enumerate(MEMORIES, start=1):
        began, way = run(stack, write_sample(stack, rows, seed), memory)
        total, columns = 0.0, []
        for function in FUNCTIONS:
            times = [end - start for start, end in runs(Path(stack.logs), function, began)]
            total += sum(times)
            columns.append(1000 * sum(times) / len(times))
        dollars = total * memory / 1024 * GB_SECOND * 100_000 / rows
        times_of_functions = f"{columns[0]:>13.0f} ms {columns[1]:>23.0f} ms {columns[2]:>13.0f} ms"
        print(f"{memory:>5} MB  {times_of_functions}   {dollars:.4f}, {way}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
