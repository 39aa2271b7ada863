"""Gives the emulator an https address, as AWS has."""

from __future__ import annotations

import contextlib
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import trustme

from local_stack.forward import Route, forwarding


@contextlib.contextmanager
def with_tls(endpoint: str) -> Iterator[dict[str, str]]:
    """Serves the endpoint with TLS. Yields the variables by which AWS clients find the https address and trust it."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with tempfile.TemporaryDirectory() as folder:
        # The certificates of public authorities stay in the file, because reading them is a part of a client's start.
        trusted = Path(folder) / "trusted.pem"
        public = Path(ssl.get_default_verify_paths().openssl_cafile)
        trusted.write_bytes(authority.cert_pem.bytes() + (public.read_bytes() if public.is_file() else b""))
        with forwarding([Route("127.0.0.1", 0, urlsplit(endpoint).port or 0)], context) as (port,):
            yield {"AWS_ENDPOINT_URL": f"https://127.0.0.1:{port}", "SSL_CERT_FILE": str(trusted)}
