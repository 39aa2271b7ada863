"""Tests that an emulator is up while it is wanted, leaves nothing behind, and does one thing at a time."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from emulators import up
from lifecycle import StartError
from moto_server import one_by_one

#: A server that takes its port as the last argument.
SERVER = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1"]
#: Says where the server is, and goes on until it is ended.
HOLDER = f"""
import signal, sys, time
from pathlib import Path
from emulators import up
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
with up("server", {SERVER!r}, Path(sys.argv[1])) as address:
    print(address, flush=True)
    time.sleep(60)
"""


def listens(address: str) -> bool:
    host, port = address.removeprefix("http://").split(":")
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex((host, int(port))) == 0


class Up(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_it_is_there_inside_and_gone_after(self) -> None:
        with up("server", SERVER, self.folder) as address:
            self.assertTrue(listens(address))
        self.assertFalse(listens(address))

    def test_it_is_gone_after_an_error(self) -> None:
        with self.assertRaisesRegex(ValueError, "inside"), up("server", SERVER, self.folder) as address:
            raise ValueError("inside")
        self.assertFalse(listens(address))

    def test_one_that_does_not_start_is_named_with_its_log(self) -> None:
        broken = [sys.executable, "-c", "import sys; sys.exit('broken on purpose')"]
        with self.assertRaisesRegex(StartError, "server did not start.*server.log"):
            with up("server", broken, self.folder):
                self.fail("it is not up")
        self.assertIn("broken on purpose", (self.folder / "server.log").read_text())

    def test_it_is_gone_when_its_starter_is_killed(self) -> None:
        signals = [signal.SIGTERM, signal.SIGINT]
        if sys.platform == "linux":
            signals.append(signal.SIGKILL)
        for sign in signals:
            with self.subTest(sign=sign):
                command = [sys.executable, "-c", HOLDER, str(self.folder)]
                holder = subprocess.Popen(
                    command, cwd=Path(__file__).parent, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
                )
                with holder:
                    assert holder.stdout is not None
                    address = holder.stdout.readline().strip()
                    self.assertTrue(listens(address))
                    os.kill(holder.pid, sign)
                    holder.wait(10)
                deadline = time.monotonic() + 5
                while listens(address) and time.monotonic() < deadline:
                    time.sleep(0.05)
                self.assertFalse(listens(address))


class OneByOne(unittest.TestCase):
    def most_at_once(self, target: str) -> int:
        """Sends eight requests at the same time and gives how many the server was busy with at most."""
        busy, most = 0, 0

        def app(_request: dict[str, str], _start_response: object) -> list[bytes]:
            nonlocal busy, most
            busy += 1
            most = max(most, busy)
            time.sleep(0.02)
            busy -= 1
            return []

        server = one_by_one(app)
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda _: server({"HTTP_X_AMZ_TARGET": target}, None), range(8)))
        return most

    def test_writes_wait_for_each_other(self) -> None:
        self.assertEqual(self.most_at_once("DynamoDB_20120810.PutItem"), 1)
        self.assertEqual(self.most_at_once(""), 1)

    def test_a_wait_for_a_message_holds_up_no_other_request(self) -> None:
        self.assertGreater(self.most_at_once("AmazonSQS.ReceiveMessage"), 1)


if __name__ == "__main__":
    unittest.main()
