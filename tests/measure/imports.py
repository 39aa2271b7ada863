"""Imports of sample files that are measured, and the samples themselves."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from infra.demo import sample
from local_stack.description import Stack
from tests.api.client import Api, ApiError, Receiver, upload

#: An import of 100,000 rows sends its webhooks closer together than this.
QUIET_SECONDS = 300


def write_sample(stack: Stack, rows: int, seed: int = 1) -> Path:
    """Writes a sample file for the demo customer, and returns its path."""
    path = stack.folder / "sample.csv"
    sample.write(path, rows, seed, stack.facilities, stack.cohorts)
    return path


@dataclass(frozen=True)
class Import:
    """A job, with what is needed to wait for its end."""

    api: Api
    receiver: Receiver
    job: str

    def wait_for_end(self) -> None:
        """Waits for the job's last webhook, without calls of the API, because those would be measured, too.

        Raises `ApiError` if the job fails or if no webhook arrives.
        """
        while message := self.receiver.take(QUIET_SECONDS):
            if self.is_end(message["bulkPatientCreate"]):
                return
        raise ApiError(f"no webhook for {QUIET_SECONDS} s")

    def is_end(self, report: dict[str, str]) -> bool:
        """Returns whether a webhook says that the job has completed. Raises `ApiError` if it says that it failed."""
        if report["requestId"] != self.job or report["status"] == "processing":
            return False
        if report["status"] != "completed":
            raise ApiError(f"the job failed: {report.get('reason')}")
        return True


def create_job(stack: Stack) -> tuple[Import, str]:
    """Creates a job and receives its webhooks. Returns the job with the link for the upload."""
    api, receiver = Api.of(stack), Receiver()
    api.call("POST", "/settings", {"webhookUrl": receiver.url})
    job = api.create_job(stack.facilities[0])
    return Import(api, receiver, job["requestId"]), job["uploadUrl"]


def import_file(stack: Stack, file: Path) -> None:
    """Imports a file from the creation of its job to the last webhook."""
    job, link = create_job(stack)
    upload(link, file)
    job.wait_for_end()
