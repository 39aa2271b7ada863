"""Imports of sample files that are measured, and the samples themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from infra.demo import sample
from local_stack.description import Stack
from tests.api.client import Api, ApiError, Receiver

#: An import of 100,000 rows sends its webhooks closer together than this.
QUIET_SECONDS = 300


def write_sample(stack: Stack, rows: int, seed: int = 1) -> Path:
    """Writes a sample file for the demo customer, and returns its path."""
    path = stack.folder / "sample.csv"
    sample.write(path, rows, seed, stack.facilities, stack.cohorts)
    return path


class Importer:
    """Imports one file after the other as the demo customer, and receives the webhooks about them."""

    def __init__(self, stack: Stack, *, patient_webhooks: bool = False) -> None:
        self.facility, self.api, self.receiver = stack.facilities[0], Api.of(stack), Receiver()
        self.job = ""
        self.api.call("POST", "/settings", {"webhookUrl": self.receiver.url, "patientWebhooks": patient_webhooks})

    def create_job(self) -> str:
        """Creates a job and returns the link for its upload."""
        job = self.api.create_job(self.facility)
        self.job = job["requestId"]
        return str(job["uploadUrl"])

    def wait_for_end(self) -> None:
        """Waits for the job's last webhook, without calls of the API, because those would be measured, too.

        Raises `ApiError` if the job fails or if no webhook arrives.
        """
        while message := self.receiver.take(QUIET_SECONDS):
            if self.is_end(message):
                return
        raise ApiError(f"no webhook for {QUIET_SECONDS} s")

    def is_end(self, message: dict[str, Any]) -> bool:
        """Returns whether a webhook says that the job has completed. Raises `ApiError` if it says that it failed."""
        report = message.get("bulkPatientCreate", {"requestId": None})
        if report["requestId"] != self.job or report["status"] == "processing":
            return False
        if report["status"] != "completed":
            raise ApiError(f"the job failed: {report.get('reason')}")
        return True
