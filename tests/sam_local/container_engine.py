"""Prints at which address of this machine its containers reach it; fails if no container engine answers.

Run by .venv-tools, which has the client that SAM CLI uses: it finds the engine where SAM CLI does.
"""

from __future__ import annotations

import ipaddress
import sys
from typing import Any


def address_for_containers(network: dict[str, Any]) -> str:
    """Returns the address behind `host-gateway` of `--add-host`: the gateway of Docker's default network."""
    (config, *_) = network["IPAM"]["Config"]
    return config.get("Gateway") or str(next(ipaddress.ip_network(config["Subnet"]).hosts()))


def main() -> int:
    # Not in the environment in which the other programs of this folder run.
    import docker

    try:
        print(address_for_containers(docker.from_env().networks.get("bridge").attrs))
    except docker.errors.DockerException as error:
        print(f"No container engine answers ({error}). Start Docker, or set DOCKER_HOST.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
