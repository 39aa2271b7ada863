"""Prints at which address of this machine its containers reach it; fails if no container engine answers.

Run by .venv-tools, which has the client that SAM CLI uses: it finds the engine where SAM CLI does.
"""

from __future__ import annotations

import ipaddress
import sys

import docker


def address_for_containers() -> str:
    """Returns the address behind `host-gateway` of `--add-host`: the gateway of Docker's default network."""
    network = docker.from_env().networks.get("bridge")
    (config, *_) = network.attrs["IPAM"]["Config"]
    return config.get("Gateway") or str(next(ipaddress.ip_network(config["Subnet"]).hosts()))


def main() -> int:
    try:
        print(address_for_containers())
    except docker.errors.DockerException as error:
        print(f"No container engine answers ({error}). Start Docker, or set DOCKER_HOST.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
