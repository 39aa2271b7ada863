"""What SAM CLI gets for `make sam-local`, which shows itself what functions do in containers."""

from __future__ import annotations

import argparse
import copy
import os
from pathlib import Path

import pytest

from local_stack.paths import PROJECT
from local_stack.template import functions, host_architecture, load_template
from tests.sam_local.__main__ import FUNCTION, MACHINE, PORTS, SamLocal, logical_name, template_for_containers
from tests.sam_local.container_engine import address_for_containers

VARIABLES = {"JOBS_TABLE": "bulk-import-Jobs-1"}


def test_only_variables_code_and_architecture_of_the_template_change() -> None:
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


@pytest.mark.parametrize("name", [PORTS, MACHINE, f"/var/task/{FUNCTION}"])
def test_the_relay_has_the_same_names(name: str) -> None:
    relay = (PROJECT / "tests" / "sam_local" / "relay" / "src" / "main.rs").read_text()
    assert f'"{name}"' in relay


@pytest.mark.parametrize("name", ["fan-out", "FanOut"])
def test_a_function_can_be_named_by_its_folder_and_by_its_logical_name(name: str) -> None:
    assert logical_name(name) == "FanOut"


def test_the_names_of_functions_are_in_the_error_about_another_name() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="import-rows"):
        logical_name("fan_out")


def test_sam_gets_nothing_of_the_developers_aws_account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY_ID"):
        monkeypatch.setenv(name, "the developer's")
    monkeypatch.setenv("DOCKER_HOST", "unix:///d")
    environment = SamLocal.environment()
    assert environment["DOCKER_HOST"] == "unix:///d"
    assert environment["AWS_ACCESS_KEY_ID"] == "test"
    assert environment["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull
    assert "the developer's" not in environment.values()


def test_the_public_image_is_used_unless_another_one_is_named() -> None:
    template = Path("template.json")
    assert "--invoke-image" not in SamLocal(template, None).command("invoke", "Api")
    assert SamLocal(template, "mine:1").command("invoke", "Api")[-2:] == ["--invoke-image", "mine:1"]


def test_containers_reach_this_machine_at_the_gateway_of_their_network() -> None:
    named = {"IPAM": {"Config": [{"Subnet": "172.18.0.0/16", "Gateway": "172.18.0.9"}]}}
    assert address_for_containers(named) == "172.18.0.9"


def test_the_first_address_is_the_gateway_if_the_engine_names_none() -> None:
    unnamed = {"IPAM": {"Config": [{"Subnet": "172.17.0.0/16"}]}}
    assert address_for_containers(unnamed) == "172.17.0.1"
