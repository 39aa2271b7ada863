"""Enter answers each prompt of `sam deploy --guided`, and the committed files stay as they are."""

from __future__ import annotations

import contextlib
import copy
import os
from typing import Any
from unittest import mock

import pytest
from click.testing import CliRunner
from samcli.cli.main import cli
from samcli.lib.config.samconfig import SamConfig

from tests.sam.deployed import expanded
from tests.sam.project import PROJECT, copy_of_the_project, load_template

#: SAM CLI uses functions of its own that are deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
#: More than there are prompts.
ENTERS = "\n" * 100
#: The functions of SAM CLI that call AWS, with what replaces them.
WITH_AWS: dict[str, dict[str, Any]] = {
    "deploy.guided_context.manage_stack": {"return_value": "a-bucket"},
    "deploy.guided_context.print_managed_s3_bucket_info": {},
    "deploy.guided_context.GuidedContext.prompt_image_repository": {"return_value": {}},
    "package.package_context.PackageContext.run": {},
    "deploy.deploy_context.DeployContext.run": {},
}


def guided() -> str:
    """Presses Enter at each prompt in the current folder, without AWS. Returns what SAM CLI printed."""
    with contextlib.ExitStack() as stack:
        for function, answer in WITH_AWS.items():
            stack.enter_context(mock.patch(f"samcli.commands.{function}", **answer))
        stack.enter_context(mock.patch.dict(os.environ, {"AWS_DEFAULT_REGION": "us-east-1", "SAM_CLI_TELEMETRY": "0"}))
        result = CliRunner().invoke(cli, ["deploy", "--guided"], input=ENTERS)
    assert result.exit_code == 0, result.output
    output: str = result.output
    return output


def test_the_answers_are_kept_in_a_file_that_git_ignores() -> None:
    with copy_of_the_project() as folder, contextlib.chdir(folder):
        output = guided()
        for file in ("template.yaml", "samconfig.yaml"):
            assert (folder / file).read_bytes() == (PROJECT / file).read_bytes()
        assert SamConfig.get_default_file(str(folder)) == "samconfig.toml"
        answers = SamConfig(folder, "samconfig.toml").get_all(["deploy"], "parameters")
    assert "Is this okay?" not in output
    assert answers["stack_name"] == "bulk-import"
    for parameter in load_template()["Parameters"]:
        assert f"{parameter}=" in answers["parameter_overrides"]
    assert "/samconfig.toml" in (PROJECT / ".gitignore").read_text().split()


def test_the_setting_that_keeps_sam_from_asking_about_authentication_deploys_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    template = load_template()
    without = copy.deepcopy(template)
    del without["Resources"]["RestApi"]["Properties"]["Auth"]
    assert expanded(template) == expanded(without)
