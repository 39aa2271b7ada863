"""What `make sam-local` gives to SAM CLI; what comes of it in containers, `make sam-local` itself shows."""

from __future__ import annotations

import argparse
import copy
import os
import socket
import threading
import unittest
from pathlib import Path
from unittest import mock

from deploy import functions, host_architecture, load_template
from engine import address_for_containers
from forward import Route, forwarding
from paths import PROJECT
from sam_local import FUNCTION, MACHINE, PORTS, SamLocal, logical_name, template_for_containers
import pytest

VARIABLES = {"JOBS_TABLE": "bulk-import-Jobs-1"}


class Template(unittest.TestCase):
    def test_only_variables_code_and_architecture_are_changed(self) -> None:
        template = load_template()
        changed = template_for_containers(copy.deepcopy(template), dict.fromkeys(functions(template), VARIABLES))
        assert changed["Parameters"]["Architecture"].pop("Default") == host_architecture()
        del template["Parameters"]["Architecture"]["Default"]
        for name in functions(template):
            properties = changed["Resources"][name]["Properties"]
            assert properties.pop("CodeUri") == name
            assert properties.pop("Environment") == {"Variables": VARIABLES}
            del template["Resources"][name]["Properties"]["CodeUri"]
            del template["Resources"][name]["Properties"]["Environment"]
        assert changed == template

    def test_the_relay_knows_the_same_names(self) -> None:
        relay = (PROJECT / "infra" / "local" / "relay" / "src" / "main.rs").read_text()
        for name in (PORTS, MACHINE, f"/var/task/{FUNCTION}"):
            assert f'"{name}"' in relay


class Command(unittest.TestCase):
    def test_a_function_goes_by_the_name_of_its_folder_and_by_its_logical_name(self) -> None:
        for name in ("fan-out", "FanOut"):
            assert logical_name(name) == "FanOut"
        with pytest.raises(argparse.ArgumentTypeError, match="import-rows"):
            logical_name("fan_out")

    def test_nothing_of_the_developers_aws_account_gets_to_sam(self) -> None:
        theirs = {"AWS_PROFILE": "work", "AWS_SESSION_TOKEN": "t", "AWS_ACCESS_KEY_ID": "AKIA", "DOCKER_HOST": "unix:///d"}
        with mock.patch.dict(os.environ, theirs):
            environment = SamLocal.environment()
        assert environment["DOCKER_HOST"] == "unix:///d"
        assert environment["AWS_ACCESS_KEY_ID"] == "test"
        assert environment["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
        assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN"} & environment.keys()

    def test_the_public_image_is_used_unless_another_one_is_named(self) -> None:
        template = Path("template.json")
        assert "--invoke-image" not in SamLocal(template, None).command("invoke", "Api")
        assert SamLocal(template, "mine:1").command("invoke", "Api")[-2:] == ["--invoke-image", "mine:1"]


class Engine(unittest.TestCase):
    def test_containers_reach_this_machine_at_the_gateway_of_their_network(self) -> None:
        named = {"IPAM": {"Config": [{"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.9"}]}}
        assert address_for_containers(named) == "172.18.0.9"

    def test_where_the_engine_names_no_gateway_it_is_the_first_address(self) -> None:
        unnamed = {"IPAM": {"Config": [{"Subnet": "172.17.0.0/16"}]}}
        assert address_for_containers(unnamed) == "172.17.0.1"


class Forwarding(unittest.TestCase):
    def test_what_is_sent_and_what_is_answered_passes(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            def answer() -> None:
                connection, _ = server.accept()
                with connection:
                    connection.sendall(connection.recv(100).upper())

            threading.Thread(target=answer, daemon=True).start()
            with forwarding([Route("127.0.0.1", 0, server.getsockname()[1])]) as (port,):
                with socket.create_connection(("127.0.0.1", port)) as client:
                    client.sendall(b"hello")
                    assert client.recv(100) == b"HELLO"

    def test_an_address_of_another_machine_is_refused(self) -> None:
        with pytest.raises(OSError), forwarding([Route("192.0.2.1", 0, 1)]):
            pass


if __name__ == "__main__":
    unittest.main()
