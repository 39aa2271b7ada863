"""`sam deploy --guided` can be answered by Enter at each prompt, and leaves the committed files alone."""

from __future__ import annotations

import contextlib
import copy
import os
import unittest
from typing import Any
from unittest import mock

from click.testing import CliRunner
from project import PROJECT, copy_of_the_project
from samcli.cli.main import cli
from samcli.lib.config.samconfig import SamConfig
from samcli.yamlhelper import yaml_parse
from samtranslator.translator.transform import transform

#: More than there are prompts.
ENTERS = "\n" * 100
#: What talks to AWS: the bucket for artefacts, repositories of images (there are none), the upload, the deployment.
WITH_AWS = {
    "deploy.guided_context.manage_stack": {"return_value": "a-bucket"},
    "deploy.guided_context.print_managed_s3_bucket_info": {},
    "deploy.guided_context.GuidedContext.prompt_image_repository": {"return_value": {}},
    "package.package_context.PackageContext.run": {},
    "deploy.deploy_context.DeployContext.run": {},
}


def guided() -> str:
    """Presses Enter at each prompt in the current folder, without AWS; returns what was printed."""
    with contextlib.ExitStack() as stack:
        for function, answer in WITH_AWS.items():
            stack.enter_context(mock.patch(f"samcli.commands.{function}", **answer))
        stack.enter_context(mock.patch.dict(os.environ, {"AWS_DEFAULT_REGION": "us-east-1", "SAM_CLI_TELEMETRY": "0"}))
        result = CliRunner().invoke(cli, ["deploy", "--guided"], input=ENTERS)
    if result.exit_code:
        raise AssertionError(f"sam deploy --guided ended with {result.exception!r}:\n{result.output}")
    return result.output


def expanded(template: dict[str, Any]) -> dict[str, Any]:
    """Returns what the template's transform makes of it, as CloudFormation does."""

    class NoPolicies:
        def load(self) -> dict[str, str]:
            return {}

    template = copy.deepcopy(template)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    with mock.patch.dict(os.environ, {"AWS_DEFAULT_REGION": "us-east-1"}):
        return transform(template, {}, NoPolicies())


class Guided(unittest.TestCase):
    def test_enter_at_each_prompt_deploys_and_keeps_the_answers_in_a_file_that_git_ignores(self) -> None:
        template = yaml_parse((PROJECT / "template.yaml").read_text())
        with copy_of_the_project() as folder, contextlib.chdir(folder):
            output = guided()
            for file in ("template.yaml", "samconfig.yaml"):
                assert (folder / file).read_bytes() == (PROJECT / file).read_bytes()
            assert SamConfig.get_default_file(str(folder)) == "samconfig.toml"
            answers = SamConfig(folder, "samconfig.toml").get_all(["deploy"], "parameters")
        assert "Is this okay?" not in output
        assert answers["stack_name"] == "bulk-import"
        for parameter in template["Parameters"]:
            assert f"{parameter}=" in answers["parameter_overrides"]
        ignored = (PROJECT / ".gitignore").read_text().split()
        assert "/samconfig.toml" in ignored

    def test_what_keeps_sam_from_asking_about_authentication_changes_nothing_that_is_deployed(self) -> None:
        template = yaml_parse((PROJECT / "template.yaml").read_text())
        without = copy.deepcopy(template)
        del without["Resources"]["RestApi"]["Properties"]["Auth"]
        assert expanded(template) == expanded(without)


if __name__ == "__main__":
    unittest.main()
