"""Connections are forwarded to the loopback interface, with TLS if asked for."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from local_stack.forward import Route, forwarding
from local_stack.tls import with_tls


@pytest.fixture
def port() -> Iterator[int]:
    """Yields the port of a server that answers one connection in capital letters."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(connection.recv(100).upper())

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(5)


def test_requests_and_answers_are_forwarded(port: int) -> None:
    with (
        forwarding([Route("127.0.0.1", 0, port)]) as (forwarded,),
        socket.create_connection(("127.0.0.1", forwarded), timeout=5) as client,
    ):
        client.sendall(b"hello")
        assert client.recv(100) == b"HELLO"


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(OSError, match=r"192\.0\.2\.1"), forwarding([Route("192.0.2.1", 0, 1)]):
        pass


def test_a_client_with_the_variables_trusts_the_endpoint(port: int) -> None:
    with with_tls(f"http://127.0.0.1:{port}") as variables:
        context = ssl.create_default_context(cafile=variables["SSL_CERT_FILE"])
        address = urlsplit(variables["AWS_ENDPOINT_URL"])
        assert address.port is not None
        with (
            socket.create_connection(("127.0.0.1", address.port), timeout=5) as connection,
            context.wrap_socket(connection, server_hostname=address.hostname) as client,
        ):
            client.sendall(b"hello")
            assert client.recv(100) == b"HELLO"
