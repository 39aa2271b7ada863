"""Prints the address at which containers reach this machine, and fails if no container engine answers.

It runs in .venv-tools, where the client of the engine is the one that SAM CLI uses.
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
    """Prints the address and returns the exit status."""
    # Imported here, because the tests run in an environment without it.
    import docker  # noqa: PLC0415

    try:
        print(address_for_containers(docker.from_env().networks.get("bridge").attrs))
    except docker.errors.DockerException as error:
        print(f"No container engine answers ({error}). Start Docker, or set DOCKER_HOST.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
