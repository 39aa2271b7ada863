"""The fault proxy forwards and counts AWS calls, and injects the faults of its rules and no others."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import ClientSession, ServerDisconnectedError, web
from aiohttp.test_utils import TestServer as LocalServer
from microburst.rules import from_dict

from tests.fault_proxy.__main__ import application, items, profile, profiles

SIGNED = {
    "Host": "functions.example:1",
    "Authorization": "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host",
}


@dataclass
class Exchange:
    """What came of a request: the client's view, the requests upstream, and the items of each operation."""

    #: None if the connection broke.
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    #: Host, path and body.
    upstream: list[tuple[str, str, bytes]] = field(default_factory=list)
    items: dict[str, int] = field(default_factory=dict)


def send(rules: list[dict[str, Any]], service: str, path: str = "/", method: str = "PUT", **request: Any) -> Exchange:
    """Sends one signed request through a proxy with these rules."""
    exchange = Exchange()

    async def serve(received: web.Request) -> web.Response:
        exchange.upstream.append((received.headers["Host"], received.raw_path, await received.read()))
        return web.Response()

    async def run() -> None:
        behind = web.Application(client_max_size=0)
        behind.router.add_route("*", "/{tail:.*}", serve)
        headers = {name: value.format(service=service) for name, value in SIGNED.items()}
        async with (
            LocalServer(behind) as upstream,
            LocalServer(application(str(upstream.make_url("")).rstrip("/"), rules)) as proxy,
            ClientSession(headers=headers | request.pop("headers", {})) as client,
        ):
            try:
                async with client.request(method, proxy.make_url(path), **request) as answer:
                    exchange.status, exchange.headers = answer.status, dict(answer.headers)
            except ServerDisconnectedError:
                pass
            async with client.get(proxy.make_url("/_faults/calls")) as answer:
                exchange.items = (await answer.json())["items"]

    asyncio.run(run())
    return exchange


@pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")
def test_a_request_arrives_as_it_was_signed() -> None:
    big = b"x" * 3_000_000
    exchange = send([], "s3", "/bucket/a%20b", data=big)
    assert exchange.status == 200
    assert exchange.upstream == [("functions.example:1", "/bucket/a%20b", big)]
    assert exchange.items == {"s3.PutObject": 1}


def test_a_request_whose_reply_is_lost_was_carried_out() -> None:
    lost = [{"service": "s3", "resource": "/outcomes/", "response": {"abort_bytes": 0}}]
    exchange = send(lost, "s3", "/bucket/outcomes/1", data=b"1")
    assert exchange.status is None
    # This client retries a PUT that is not answered.
    assert {body for _, _, body in exchange.upstream} == {b"1"}
    assert send(lost, "s3", "/bucket/plans/1", data=b"2").status == 200


def test_a_request_on_a_broken_connection_is_not_carried_out() -> None:
    exchange = send([{"service": "s3", "reset": True}], "s3", "/b/k", data=b"1")
    assert exchange.status is None
    assert exchange.upstream == []
    assert list(exchange.items) == ["s3.PutObject"]


def test_a_throttled_call_of_sqs_has_the_code_of_aws() -> None:
    throttled = [{"service": "sqs", "error": {"code": "RequestThrottled", "status": 403}}]
    headers = {"X-Amz-Target": "AmazonSQS.SendMessageBatch", "x-amzn-query-mode": "true"}
    body = json.dumps({"QueueUrl": "q", "Entries": [{}, {}, {}]})
    exchange = send(throttled, "sqs", method="POST", headers=headers, data=body)
    assert exchange.status == 403
    assert exchange.headers["x-amzn-query-error"] == "RequestThrottled;Sender"
    assert exchange.items == {"sqs.SendMessageBatch": 3}


def test_a_signed_link_meets_no_fault_and_is_not_counted() -> None:
    link = "/bucket/key?X-Amz-Signature=1&X-Amz-Credential=k%2F20260101%2Fus-east-1%2Fs3%2Faws4_request"
    exchange = send([{"service": "*", "reset": True}], "s3", link, data=b"1")
    assert exchange.status == 200
    assert exchange.items == {}


@pytest.mark.parametrize(
    ("operation", "request_body", "expected"),
    [
        ("BatchGetItem", {"RequestItems": {"a": {"Keys": [{}, {}]}, "b": {"Keys": [{}]}}}, 3),
        ("BatchWriteItem", {"RequestItems": {"a": [{}, {}]}}, 2),
        ("BatchExecuteStatement", {"Statements": [{}, {}, {}]}, 3),
        ("PutItem", {}, 1),
        ("PutObject", None, 1),
    ],
)
def test_the_items_of_a_batch_are_counted(operation: str, request_body: object, expected: int) -> None:
    body = None if request_body is None else json.dumps(request_body).encode()
    assert items(operation, body) == expected


def test_there_is_a_profile_without_faults() -> None:
    assert profile("none") == []


@pytest.mark.parametrize("name", profiles())
def test_every_rule_is_understood_and_has_an_effect(name: str) -> None:
    for rule in map(from_dict, profile(name)):
        assert rule.error or rule.reset or rule.response or rule.latency
        assert rule.probability < 1
