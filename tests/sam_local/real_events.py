"""Events with real work in them, for any function of a local stack.

The event sources of the stack's functions are removed, so that no function does the work before it gets an event. The
steps before an event are done by invoking their functions. The stack cannot be used for anything else afterwards.
"""

from __future__ import annotations

import itertools
import json
import time
from typing import Any
from urllib.parse import urlsplit

from infra.demo import sample
from local_stack.aws import client
from local_stack.deploy import STACK_NAME
from local_stack.description import Stack
from local_stack.paths import PROJECT
from tests.api.client import Api, upload

ROWS = 20
MESSAGE_SECONDS = 10
#: The lowest status that is no success.
REDIRECT = 300
CREATE = "/medical/v1/patient/bulk"

Event = dict[str, Any]


class NotDoneError(Exception):
    """A function did not do its work. The text says which function, and what it answered."""


def check(function: str, answer: bytes) -> None:
    """Raises `NotDoneError` unless an answer says that the function did all work of an event."""
    answered = json.loads(answer or "null")
    is_done = not isinstance(answered, dict) or not (
        "errorMessage" in answered or answered.get("batchItemFailures") or answered.get("statusCode", 200) >= REDIRECT
    )
    if not is_done:
        raise NotDoneError(f"{function} answered {answer.decode(errors='replace')}")


class RealEvents:
    """Makes events, each with work that no function has done."""

    def __init__(self, stack: Stack, webhook_url: str) -> None:
        self.stack, self.api, self.file = stack, Api.of(stack), stack.folder / "sample.csv"
        services = ("s3", "sqs", "dynamodb", "lambda", "cloudformation")
        self.s3, self.sqs, self.dynamodb, self.functions, cloudformation = (
            client(service, stack.endpoint) for service in services
        )
        resources = cloudformation.describe_stack_resources(StackName=STACK_NAME)
        self.physical = {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources["StackResources"]}
        self.seeds = itertools.count(1)
        self.api.call("POST", "/settings", {"webhookUrl": webhook_url})
        self._remove_event_sources()

    def of(self, function: str) -> Event:
        """Returns an event for the function of this folder."""
        makers = {
            "api": self._api,
            "fan-out": lambda: self._uploaded()[0],
            "import-rows": self._import_rows,
            "query-documents": self._query_documents,
            "finalize": self._finalize,
            "deliver-webhook": self._deliver_webhook,
            "abandon": self._abandon,
            "sweep": self._sweep,
            "undo-chunk": self._undo_chunk,
        }
        return makers[function]()

    def _remove_event_sources(self) -> None:
        for source in self.functions.list_event_source_mappings()["EventSourceMappings"]:
            self.functions.delete_event_source_mapping(UUID=source["UUID"])
        self.s3.put_bucket_notification_configuration(Bucket=self.physical["Files"], NotificationConfiguration={})

    def _api(self) -> Event:
        """Returns the event of a call that creates a job."""
        event, headers = _example("api"), {"x-api-key": self.stack.api_key}
        query = {"facilityId": self.stack.facilities[0]}
        event |= {"path": CREATE, "httpMethod": "POST", "pathParameters": {"proxy": CREATE.removeprefix("/")}}
        event["requestContext"] |= {"path": f"/live{CREATE}", "httpMethod": "POST"}
        event |= {"queryStringParameters": query, "multiValueQueryStringParameters": _lists(query)}
        event["headers"] |= headers
        event["multiValueHeaders"] |= _lists(headers)
        return event

    def _uploaded(self) -> tuple[Event, str]:
        """Uploads a file of new patients. Returns S3's event about it, and the id of its job."""
        job = self.api.create_job(self.stack.facilities[0])
        sample.write(self.file, ROWS, next(self.seeds), self.stack.facilities, self.stack.cohorts)
        upload(job["uploadUrl"], self.file)
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
        """Returns a job with a pending chunk."""
        event, job = self._uploaded()
        self._invoke("FanOut", "fan-out", event)
        return job

    def _imported(self) -> str:
        """Returns a job with complete rows and pending document queries."""
        job = self._planned()
        self._invoke("ImportRows", "import-rows", self._message("SmallJobChunks", "import-rows", job))
        return job

    def _import_rows(self) -> Event:
        return self._message("SmallJobChunks", "import-rows", self._planned())

    def _query_documents(self) -> Event:
        return self._message("Queries", "query-documents", self._imported())

    def _finalize(self) -> Event:
        """Returns the event about a job with complete rows and complete document queries."""
        job = self._imported()
        while (query := self._next("Queries", job, seconds=0)) is not None:
            self._invoke("QueryDocuments", "query-documents", self._event("Queries", "query-documents", query))
        return self._message("Finished", "finalize", job)

    def _undo_chunk(self) -> Event:
        """Returns the event of a chunk of a job that ended and is being undone."""
        event = self._finalize()
        self._invoke("Finalize", "finalize", event)
        job = json.loads(event["Records"][0]["body"])["job"]
        self.api.call("POST", f"{CREATE}/{job}/undo")
        return self._message("UndoneChunks", "undo-chunk", job)

    def _deliver_webhook(self) -> Event:
        """Returns the event of the webhook about a job that is `processing`."""
        return self._message("Webhooks", "deliver-webhook", self._planned())

    def _abandon(self) -> Event:
        """Returns the event of a chunk that is a dead letter."""
        event = self._import_rows()
        event["Records"][0]["eventSourceARN"] = self._arn("ChunkDeadLetters")
        return event

    def _sweep(self) -> Event:
        """Makes a job due that has a file and no S3 event, and returns the event of the schedule."""
        _, job = self._uploaded()
        self.dynamodb.update_item(
            TableName=self.physical["Jobs"],
            Key={"pk": {"S": job}, "sk": {"S": "job"}},
            UpdateExpression="SET due = :due",
            ExpressionAttributeValues={":due": {"N": "0"}},
        )
        return _example("sweep")

    def _invoke(self, name: str, function: str, event: Event) -> None:
        """Invokes a function on the stack."""
        answer = self.functions.invoke(FunctionName=self.physical[name], Payload=json.dumps(event).encode())
        check(function, answer["Payload"].read())

    def _message(self, queue: str, function: str, job: str) -> Event:
        """Returns the event of the message about a job that is in a queue."""
        body = self._next(queue, job, MESSAGE_SECONDS)
        if body is None:
            raise NotDoneError(f"no message about the job arrived in {queue}")
        return self._event(queue, function, body)

    def _event(self, queue: str, function: str, body: str) -> Event:
        event = _example(function)
        event["Records"][0] |= {"body": body, "eventSourceARN": self._arn(queue)}
        return event

    def _next(self, queue: str, job: str, seconds: float) -> str | None:
        """Returns the body of the next message about a job, or None if none arrives. Deletes those about other jobs."""
        url, deadline = self.physical[queue], time.monotonic() + seconds
        while True:
            messages = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1).get("Messages", [])
            for message in messages:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                if job in message["Body"]:
                    body: str = message["Body"]
                    return body
            if not messages and time.monotonic() >= deadline:
                return None

    def _arn(self, queue: str) -> str:
        attributes = self.sqs.get_queue_attributes(QueueUrl=self.physical[queue], AttributeNames=["QueueArn"])
        arn: str = attributes["Attributes"]["QueueArn"]
        return arn


def _example(function: str) -> Event:
    event: Event = json.loads((PROJECT / "tests" / "events" / f"{function}.json").read_text())
    return event


def _lists(values: dict[str, str]) -> dict[str, list[str]]:
    return {name: [value] for name, value in values.items()}
