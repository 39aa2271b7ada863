"""Events with real work in them, for any function of a local stack.

What feeds the stack's functions is taken away, so that whoever gets an event is the first to do its work; the steps
before it are done by invoking their functions. The stack is of no other use afterwards.
"""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import sample
from aws import client
from client import Api
from deploy import STACK_NAME
from paths import PROJECT

ROWS = 20
MESSAGE_SECONDS = 10
CREATE = "/medical/v1/patient/bulk"

Event = dict[str, Any]


class NotDoneError(Exception):
    """A function did not do its work; says which and what it answered."""


def check(binary: str, answer: bytes) -> None:
    """Raises `NotDoneError` unless an answer says that all of an event was worked on."""
    said = json.loads(answer or "null")
    is_done = not isinstance(said, dict) or not (
        "errorMessage" in said or said.get("batchItemFailures") or said.get("statusCode", 200) >= 300
    )
    if not is_done:
        raise NotDoneError(f"{binary} answered {answer.decode(errors='replace')}")


class RealEvents:
    """Makes events, each with work that nobody has done."""

    def __init__(self, stack: dict[str, Any], webhook_url: str, folder: Path) -> None:
        self.stack, self.file = stack, folder / "sample.csv"
        self.api = Api(stack["apiUrl"], stack["apiKey"])
        endpoint = stack["endpoint"]
        self.s3, self.sqs, self.dynamodb = (client(name, endpoint) for name in ("s3", "sqs", "dynamodb"))
        self.functions = client("lambda", endpoint)
        resources = client("cloudformation", endpoint).describe_stack_resources(StackName=STACK_NAME)
        self.physical = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources["StackResources"]}
        self.seeds = itertools.count(1)
        self.api.call("POST", "/settings", {"webhookUrl": webhook_url}, shown=False)
        self._take_sources_away()

    def of(self, binary: str) -> Event:
        """An event for this function."""
        makers = {
            "api": self._api,
            "fan-out": lambda: self._uploaded()[0],
            "import-rows": self._import_rows,
            "query-documents": self._query_documents,
            "finalize": self._finalize,
            "deliver-webhook": self._deliver_webhook,
            "abandon": self._abandon,
            "sweep": self._sweep,
        }
        return makers[binary]()

    def _take_sources_away(self) -> None:
        for source in self.functions.list_event_source_mappings()["EventSourceMappings"]:
            self.functions.delete_event_source_mapping(UUID=source["UUID"])
        self.s3.put_bucket_notification_configuration(Bucket=self.physical["Files"], NotificationConfiguration={})

    def _api(self) -> Event:
        """A caller creates an import."""
        event, headers = _example("api"), {"x-api-key": self.stack["apiKey"]}
        query = {"facilityId": self.stack["facilities"][0]}
        event |= {"path": CREATE, "httpMethod": "POST", "pathParameters": {"proxy": CREATE.removeprefix("/")}}
        event["requestContext"] |= {"path": f"/live{CREATE}", "httpMethod": "POST"}
        event |= {"queryStringParameters": query, "multiValueQueryStringParameters": _lists(query)}
        event["headers"] |= headers
        event["multiValueHeaders"] |= _lists(headers)
        return event

    def _uploaded(self) -> tuple[Event, str]:
        """A file of new people was uploaded; and its job."""
        job = self.api.call("POST", f"{CREATE}?facilityId={self.stack['facilities'][0]}", shown=False)
        sample.write(self.file, ROWS, next(self.seeds), self.stack["facilities"], self.stack["cohorts"])
        with urlopen(Request(job["uploadUrl"], method="PUT", data=self.file.read_bytes())):
            pass
        bucket = self.physical["Files"]
        key = urlsplit(job["uploadUrl"]).path.partition(f"{bucket}/")[2]
        head = self.s3.head_object(Bucket=bucket, Key=key)
        event = _example("fan-out")
        event["Records"][0]["s3"]["bucket"] |= {"name": bucket}
        event["Records"][0]["s3"]["object"] |= {
            "key": key,
            "size": head["ContentLength"],
            "eTag": head["ETag"].strip('"'),
            "versionId": head["VersionId"],
        }
        return event, job["requestId"]

    def _planned(self) -> str:
        """A job of which a chunk waits."""
        event, job = self._uploaded()
        self._run("FanOut", "fan-out", event)
        return job

    def _imported(self) -> str:
        """A job of which all rows have ended, and document queries wait."""
        job = self._planned()
        self._run("ImportRows", "import-rows", self._message("SmallJobChunks", "import-rows", job))
        return job

    def _import_rows(self) -> Event:
        return self._message("SmallJobChunks", "import-rows", self._planned())

    def _query_documents(self) -> Event:
        return self._message("Queries", "query-documents", self._imported())

    def _finalize(self) -> Event:
        """All rows, and their document queries, have ended."""
        job = self._imported()
        while (query := self._next("Queries", job, seconds=0)) is not None:
            self._run("QueryDocuments", "query-documents", self._event("Queries", "query-documents", query))
        return self._message("Finished", "finalize", job)

    def _deliver_webhook(self) -> Event:
        """The job is `processing`."""
        return self._message("Webhooks", "deliver-webhook", self._planned())

    def _abandon(self) -> Event:
        """A chunk that failed too often."""
        event = self._import_rows()
        event["Records"][0]["eventSourceARN"] = self._arn("ChunkDeadLetters")
        return event

    def _sweep(self) -> Event:
        """A job is due whose upload nobody has announced."""
        _, job = self._uploaded()
        self.dynamodb.update_item(
            TableName=self.physical["Jobs"],
            Key={"pk": {"S": job}, "sk": {"S": "job"}},
            UpdateExpression="SET due = :due",
            ExpressionAttributeValues={":due": {"N": "0"}},
        )
        return _example("sweep")

    def _run(self, function: str, binary: str, event: Event) -> None:
        answer = self.functions.invoke(FunctionName=self.physical[function], Payload=json.dumps(event).encode())
        check(binary, answer["Payload"].read())

    def _message(self, queue: str, binary: str, job: str) -> Event:
        """The event of the message about a job that waits in a queue."""
        body = self._next(queue, job, MESSAGE_SECONDS)
        if body is None:
            raise NotDoneError(f"no message about the job came to {queue}")
        return self._event(queue, binary, body)

    def _event(self, queue: str, binary: str, body: str) -> Event:
        event = _example(binary)
        event["Records"][0] |= {"body": body, "eventSourceARN": self._arn(queue)}
        return event

    def _next(self, queue: str, job: str, seconds: float) -> str | None:
        """The body of the next message about a job, None if there is none in time. What is about others is dropped."""
        url, deadline = self.physical[queue], time.monotonic() + seconds
        while True:
            messages = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1).get("Messages", [])
            for message in messages:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                if job in message["Body"]:
                    return message["Body"]
            if not messages and time.monotonic() >= deadline:
                return None

    def _arn(self, queue: str) -> str:
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.physical[queue], AttributeNames=["QueueArn"])
        return attributes["Attributes"]["QueueArn"]


def _example(binary: str) -> Event:
    return json.loads((PROJECT / "tests" / "events" / f"{binary}.json").read_text())


def _lists(values: dict[str, str]) -> dict[str, list[str]]:
    return {name: [value] for name, value in values.items()}
