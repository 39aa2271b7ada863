"""AWS clients that talk to the emulator and to nothing else."""

from __future__ import annotations

from typing import Any

import botocore.session
from botocore.config import Config

REGION = "us-east-1"

#: The emulator takes these credentials for those of the account's root user.
ROOT = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION}


def client(service: str, endpoint: str, read_timeout: int = 60) -> Any:
    """Returns a client of one service of the emulator at `endpoint`. It waits `read_timeout` seconds for an answer."""
    return botocore.session.Session().create_client(
        service,
        region_name=REGION,
        endpoint_url=endpoint,
        aws_access_key_id=ROOT["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=ROOT["AWS_SECRET_ACCESS_KEY"],
        # One retry, because the emulator may close an idle connection at the moment in which the client uses it again.
        config=Config(retries={"max_attempts": 1}, connect_timeout=5, read_timeout=read_timeout),
    )
