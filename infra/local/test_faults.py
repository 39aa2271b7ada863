"""Tests of what stands between the functions and the emulator, and of what is counted and stored."""

from __future__ import annotations

import json
import unittest
from collections import Counter
from typing import Any

from aiohttp import ClientSession, ServerDisconnectedError, web
from aiohttp.test_utils import TestServer
from microburst.rules import from_dict

import calls
import faults
import stored
from deploy import adapt, load_template

SIGNED = {
    "Host": "functions.example:1",
    "Authorization": "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host",
}


class Proxy(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.seen: list[tuple[str, str, bytes]] = []

        async def serve(request: web.Request) -> web.Response:
            self.seen.append((request.headers["Host"], request.raw_path, await request.read()))
            return web.Response()

        upstream = web.Application(client_max_size=0)
        upstream.router.add_route("*", "/{tail:.*}", serve)
        self.upstream = TestServer(upstream)
        await self.upstream.start_server()
        self.addAsyncCleanup(self.upstream.close)

    async def ask(self, rules: list[dict[str, Any]], service: str, path: str = "/", **request: Any) -> Any:
        """Sends one signed request through the proxy and gives status, headers and counted calls."""
        server = TestServer(faults.application(str(self.upstream.make_url("")).rstrip("/"), rules))
        await server.start_server()
        self.addAsyncCleanup(server.close)
        headers = {name: value.format(service=service) for name, value in SIGNED.items()}
        async with ClientSession(headers=headers | request.pop("headers", {})) as client:
            method = request.pop("method", "POST")
            try:
                async with client.request(method, server.make_url(path), **request) as answer:
                    status: Any = answer.status
                    answered = dict(answer.headers)
            except ServerDisconnectedError:
                status, answered = None, {}
            async with client.get(server.make_url("/_faults/calls")) as answer:
                return status, answered, (await answer.json())["items"]

    async def test_a_request_arrives_as_it_was_signed(self) -> None:
        big = b"x" * 3_000_000
        status, _, counted = await self.ask([], "s3", "/bucket/a%20b", method="PUT", data=big)
        self.assertEqual(status, 200)
        self.assertEqual(self.seen, [("functions.example:1", "/bucket/a%20b", big)])
        self.assertEqual(counted, {"s3.PutObject": 1})

    async def test_a_lost_reply_is_one_to_a_request_that_was_carried_out(self) -> None:
        lost = [{"service": "s3", "resource": "/outcomes/", "response": {"abort_bytes": 0}}]
        status, _, _ = await self.ask(lost, "s3", "/bucket/outcomes/1", method="PUT", data=b"1")
        self.assertIsNone(status)
        # This client asks again by itself when a PUT is not answered.
        self.assertEqual({body for _, _, body in self.seen}, {b"1"})
        status, _, _ = await self.ask(lost, "s3", "/bucket/plans/1", method="PUT", data=b"2")
        self.assertEqual(status, 200)

    async def test_a_broken_connection_carries_nothing_out(self) -> None:
        status, _, counted = await self.ask([{"service": "s3", "reset": True}], "s3", "/b/k", method="PUT", data=b"1")
        self.assertIsNone(status)
        self.assertEqual(self.seen, [])
        self.assertEqual(list(counted), ["s3.PutObject"])

    async def test_sqs_says_that_it_throttles_as_aws_does(self) -> None:
        throttled = [{"service": "sqs", "error": {"code": "RequestThrottled", "status": 403}}]
        headers = {"X-Amz-Target": "AmazonSQS.SendMessageBatch", "x-amzn-query-mode": "true"}
        body = json.dumps({"QueueUrl": "q", "Entries": [{}, {}, {}]})
        status, answered, counted = await self.ask(throttled, "sqs", headers=headers, data=body)
        self.assertEqual((status, answered["x-amzn-query-error"]), (403, "RequestThrottled;Sender"))
        self.assertEqual(counted, {"sqs.SendMessageBatch": 3})

    async def test_signed_links_are_left_alone(self) -> None:
        link = "/bucket/key?X-Amz-Signature=1&X-Amz-Credential=k%2F20260101%2Fus-east-1%2Fs3%2Faws4_request"
        status, _, counted = await self.ask([{"service": "*", "reset": True}], "s3", link, method="PUT", data=b"1")
        self.assertEqual((status, counted), (200, {}))


class Counts(unittest.TestCase):
    def test_the_items_of_a_batch_are_counted(self) -> None:
        read = json.dumps({"RequestItems": {"a": {"Keys": [{}, {}]}, "b": {"Keys": [{}]}}}).encode()
        self.assertEqual(faults.items("BatchGetItem", read), 3)
        self.assertEqual(faults.items("BatchWriteItem", json.dumps({"RequestItems": {"a": [{}, {}]}}).encode()), 2)
        self.assertEqual(faults.items("PutItem", b"{}"), 1)
        self.assertEqual(faults.items("PutObject", None), 1)

    def test_writes_reads_and_calls_are_told_apart(self) -> None:
        made = Counter(
            {"dynamodb.PutItem": 4, "dynamodb.BatchGetItem": 1, "s3.GetObject": 2, "sqs.SendMessageBatch": 1}
        )
        told = calls.summary(made | Counter({"dynamodb.BatchGetItem": 6}), made, 2)
        self.assertEqual(list(told.values()), [2.0, 3.0, 2.5, 1.0, 0.5])


class Profiles(unittest.TestCase):
    def test_every_rule_is_understood_and_does_something(self) -> None:
        self.assertIn("none", faults.profiles())
        for name in faults.profiles():
            for rule in map(from_dict, faults.profile(name)):
                self.assertTrue(rule.error or rule.reset or rule.response or rule.latency, name)
                self.assertLess(rule.probability, 1)


class Visibility(unittest.TestCase):
    def test_it_is_shortened_where_messages_are_worked_on_and_nowhere_else(self) -> None:
        given = {name: str(value.get("Default")) for name, value in load_template()["Parameters"].items()}
        usual, short = load_template(), load_template()
        adapt(usual, given)
        adapt(short, given, 10)
        changed = {name for name, resource in usual["Resources"].items() if resource != short["Resources"][name]}
        self.assertLessEqual({"SmallJobChunks", "LargeJobChunks", "Finished", "Uploads"}, changed)
        for name in changed:
            properties = short["Resources"][name]["Properties"]
            self.assertEqual((properties["VisibilityTimeout"], "RedrivePolicy" in properties), (10, True))


class Stored(unittest.TestCase):
    def test_what_does_not_fit_together_is_found(self) -> None:
        documents = [{"people": [{"id": "1"}]}, {"people": [{"id": "2"}, {"id": "4"}]}]
        found = stored.summary("a", {"a#1", "b#2", "a#3"}, documents)
        self.assertEqual(found, {"patients": ["1", "3"], "ghosts": ["4"], "nameless": ["3"]})


if __name__ == "__main__":
    unittest.main()
