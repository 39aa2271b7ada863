"""Tests of what the demo shows: calls, webhooks, bars and the summary."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import io
import json
import tempfile
import threading
import unittest
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import demo
import report
import terminal
from client import Api, Failure, Unanswered
from receiver import Received, Receiver
from terminal import describe

#: The example of the Standard Webhooks specification.
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = b'{"test": 2432232314}'
HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    "x-metriport-signature": hmac.new(KEY.encode(), BODY, hashlib.sha256).hexdigest(),
}


class Signatures(unittest.TestCase):
    def test_the_example_of_standard_webhooks_holds(self) -> None:
        self.assertTrue(Received(HEADERS, BODY).is_signed_with(KEY))

    def test_any_change_breaks_it(self) -> None:
        self.assertFalse(Received(HEADERS, BODY + b" ").is_signed_with(KEY))
        self.assertFalse(Received(HEADERS, BODY).is_signed_with("whsec_" + base64.b64encode(b"other").decode()))
        for name in HEADERS:
            missing = {key: value for key, value in HEADERS.items() if key != name}
            self.assertFalse(Received(missing, BODY).is_signed_with(KEY), name)


class Receiving(unittest.TestCase):
    def test_a_ping_is_answered_and_a_message_kept(self) -> None:
        receiver = Receiver()

        def post(content: object) -> dict[str, object]:
            request = urllib.request.Request(receiver.url, data=json.dumps(content).encode())
            with urllib.request.urlopen(request, timeout=5) as answer:
                return json.load(answer)

        self.assertEqual(post({"ping": "abc", "meta": {}}), {"pong": "abc"})
        self.assertEqual(post({"meta": {"messageId": "1"}}), {})
        message = receiver.take(5)
        assert message is not None
        self.assertEqual(message.json(), {"meta": {"messageId": "1"}})
        self.assertIsNone(receiver.take(0.01))


class Summaries(unittest.TestCase):
    def summary(self, text: str) -> report.Summary:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "result.csv"
            path.write_text(text, newline="")
            return report.read(path)

    def test_rows_patients_and_reasons_are_counted(self) -> None:
        summary = self.summary(
            "\ufefffirstName,status,note,metriportId,status,reason\r\n"
            "Ada,x,,p1,succeeded,\r\n"
            'Ada,y,"two\r\nlines",p1,succeeded,\r\n'
            "Bob,,,p2,succeeded,\r\n"
            "Cyd,,,p3,succeeded,\r\n"
            "Dee,,,,failed,dob: missing; zip: missing\r\n"
            "Eve,,,,failed,dob: missing\r\n"
        )
        self.assertEqual((summary.rows, summary.succeeded, summary.failed, summary.unknown), (6, 4, 2, 0))
        self.assertEqual(summary.patients, {"p1", "p2", "p3"})
        self.assertEqual(summary.reasons, {"dob: missing": 2, "zip: missing": 1})
        self.assertEqual([number for number, *_ in summary.examples], [1, 2, 3, 5])

    def test_rows_of_a_dry_run_are_nobody(self) -> None:
        summary = self.summary("a,metriportId,status,reason\r\nx,,succeeded,\r\n")
        self.assertEqual((summary.succeeded, summary.without_id, summary.patients), (1, 1, set()))

    def test_a_row_without_an_outcome_is_noticed(self) -> None:
        self.assertEqual(self.summary("a,metriportId,status,reason\r\nx,,,\r\n").unknown, 1)

    def test_it_can_be_shown(self) -> None:
        with contextlib.redirect_stdout(io.StringIO()) as shown:
            report.show(self.summary("a,metriportId,status,reason\r\nx,,failed,dob: missing\r\n"), 0.0)
        self.assertIn("dob: missing", shown.getvalue())


class Targets(unittest.TestCase):
    def test_what_was_uploaded_is_never_overwritten(self) -> None:
        here = Path("/somewhere")
        self.assertEqual(demo.target(here, "failures", here / "patients.csv"), here / "failures.csv")
        self.assertEqual(demo.target(here, "failures", here / "failures.csv"), here / "failures-2.csv")
        self.assertEqual(demo.target(here, "failures", here / "failures-2.csv"), here / "failures.csv")


class Bars(unittest.TestCase):
    def test_speed_and_time_left_are_told_when_they_are_known(self) -> None:
        self.assertEqual(describe(0, 100, "rows", 9.0), "  0%  0 of 100 rows")
        self.assertEqual(describe(50, 100, "rows", 0.1), " 50%  50 of 100 rows")
        self.assertEqual(describe(2500, 10000, "rows", 5.0), " 25%  2,500 of 10,000 rows, 500 rows/s, 15 s left")
        self.assertEqual(describe(100, 100, "rows", 2.0), "100%  100 of 100 rows, 50 rows/s")
        self.assertEqual(describe(0, 0, "bytes", 0.0), "100%  0 of 0 bytes")

    @unittest.skipIf(terminal.FANCY, "prints a line over and over on a terminal")
    def test_a_log_has_a_line_for_the_end_only_once(self) -> None:
        with contextlib.redirect_stdout(io.StringIO()) as shown:
            bar = terminal.Bar("importing", "rows")
            for done in (0, 5, 10, 10):
                bar.update(done, 10)
            bar.close()
        self.assertEqual(shown.getvalue(), "   importing 100%  10 of 10 rows\n")


class Calls(unittest.TestCase):
    def call(self, status: int, body: bytes, *arguments: object) -> tuple[object, str]:
        """Calls an API that gives one answer; what came of it, and what was shown."""

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", "0")))
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST

            def log_message(self, *_: object) -> None:
                """Tests are quiet."""

        with HTTPServer(("127.0.0.1", 0), Handler) as server, contextlib.redirect_stdout(io.StringIO()) as shown:
            threading.Thread(target=server.handle_request, daemon=True).start()
            api = Api(f"http://127.0.0.1:{server.server_address[1]}", "bpi_secret")
            try:
                came: object = api.call(*arguments)  # type: ignore[arg-type]
            except Failure as failure:
                came = failure
        return came, shown.getvalue()

    def test_calls_are_shown_as_curl_lines_without_the_key(self) -> None:
        came, shown = self.call(200, b'{"a": 1}', "POST", "/settings", {"webhookUrl": "it's"})
        self.assertEqual(came, {"a": 1})
        self.assertNotIn("bpi_secret", shown)
        self.assertIn('curl -X POST "$API/settings" -H "x-api-key: $KEY"', shown)
        self.assertIn("""-d '{"webhookUrl": "it'"'"'s"}'""", shown)

    def test_a_refusal_is_final_and_a_server_error_is_not(self) -> None:
        refused, _ = self.call(404, b'{"detail": "Could not find facility"}', "GET", "/x")
        self.assertIsInstance(refused, Failure)
        self.assertNotIsInstance(refused, Unanswered)
        self.assertIn("Could not find facility", str(refused))
        self.assertIsInstance(self.call(503, b"", "GET", "/x")[0], Unanswered)


if __name__ == "__main__":
    unittest.main()
