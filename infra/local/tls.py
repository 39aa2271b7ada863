"""The emulator's address with TLS, as AWS's are, with a certificate made for the occasion. Needs `openssl`."""

from __future__ import annotations

import contextlib
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from forward import Route, forwarding

MAKE = "openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 2 -subj /CN=127.0.0.1".split()
FOR_LOOPBACK = ["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]


@contextlib.contextmanager
def with_tls(endpoint: str) -> Iterator[dict[str, str]]:
    """Passes on what comes by TLS. Gives the variables by which AWS clients find the address and trust it."""
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = Path(folder) / "certificate.pem", Path(folder) / "key.pem"
        command = [*MAKE, *FOR_LOOPBACK, "-out", str(certificate), "-keyout", str(key)]
        subprocess.run(command, check=True, capture_output=True)
        # Reading those that everybody trusts is a part of a client's start.
        trusted = Path(folder) / "trusted.pem"
        known = Path(ssl.get_default_verify_paths().openssl_cafile)
        trusted.write_bytes(certificate.read_bytes() + (known.read_bytes() if known.is_file() else b""))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        with forwarding([Route("127.0.0.1", 0, urlsplit(endpoint).port)], context) as (port,):
            yield {"AWS_ENDPOINT_URL": f"https://127.0.0.1:{port}", "SSL_CERT_FILE": str(trusted)}
