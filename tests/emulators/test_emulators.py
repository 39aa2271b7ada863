"""An emulator is up while a command needs it, leaves no process behind, and answers one request at a time."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from local_stack.lifecycle import StartError
from tests.emulators.__main__ import up
from tests.emulators.moto_server import serialized

#: A server that takes its port as the last argument.
SERVER = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1"]
#: Prints the server's address, and holds the server until a signal ends this program.
HOLDER = f"""
import signal, sys, time
from pathlib import Path
from tests.emulators.__main__ import up
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


def test_an_emulator_listens_inside_the_block_only(tmp_path: Path) -> None:
    with up("server", SERVER, tmp_path) as address:
        assert listens(address)
    assert not listens(address)


def test_an_emulator_stops_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="inside"), up("server", SERVER, tmp_path) as address:
        raise ValueError("inside")
    assert not listens(address)


def test_an_emulator_that_does_not_start_is_named_with_its_log(tmp_path: Path) -> None:
    broken = [sys.executable, "-c", "import sys; sys.exit('broken on purpose')"]
    with (
        pytest.raises(StartError, match=r"server did not start.*server.log"),
        up("server", broken, tmp_path),
    ):
        pytest.fail("it is not up")
    assert "broken on purpose" in (tmp_path / "server.log").read_text()


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_an_emulator_stops_when_its_starter_is_killed(tmp_path: Path, sign: signal.Signals) -> None:
    if sign == signal.SIGKILL and sys.platform != "linux":
        pytest.skip("only Linux lets a process die with its parent")
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as holder:
        assert holder.stdout is not None
        address = holder.stdout.readline().strip()
        assert listens(address)
        os.kill(holder.pid, sign)
        holder.wait(10)
    deadline = time.monotonic() + 5
    while listens(address) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not listens(address)


def most_at_once(target: str) -> int:
    """Sends eight requests at the same time, and returns the largest number that the server worked on at once."""
    busy, most = 0, 0

    def app(_request: dict[str, str], _start_response: object) -> list[bytes]:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        time.sleep(0.02)
        busy -= 1
        return []

    server = serialized(app)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: server({"HTTP_X_AMZ_TARGET": target}, None), range(8)))
    return most


@pytest.mark.parametrize("target", ["DynamoDB_20120810.PutItem", ""])
def test_one_write_waits_for_the_previous_one(target: str) -> None:
    assert most_at_once(target) == 1


def test_a_call_that_waits_for_a_message_delays_no_other_call() -> None:
    assert most_at_once("AmazonSQS.ReceiveMessage") > 1
