"""A stack can have each name that makes a valid name of its bucket, and no other name."""

from __future__ import annotations

import re

import boto3
import pytest
from samcli.yamlhelper import yaml_parse

from tests.sam.project import PROJECT
from tests.sam.stack_name import LONGEST_BUCKET, bucket, longest, problem

#: The regions that botocore knows without a call.
REGIONS: list[str] = [
    region
    for partition in ("aws", "aws-us-gov", "aws-cn")
    for region in boto3.session.Session().get_available_regions("s3", partition)
]


def test_botocore_knows_the_regions() -> None:
    assert len(REGIONS) > 30


@pytest.mark.parametrize("region", REGIONS)
def test_the_longest_name_has_the_longest_bucket(region: str) -> None:
    name = "a" * longest(region)
    assert len(bucket(name, region)) == LONGEST_BUCKET
    assert problem(name, region) is None
    assert problem(name + "a", region) is not None


@pytest.mark.parametrize("region", REGIONS)
def test_a_stack_can_have_the_default_name(region: str) -> None:
    config = yaml_parse((PROJECT / "samconfig.yaml").read_text())
    assert problem(config["default"]["global"]["parameters"]["stack_name"], region) is None


@pytest.mark.parametrize("name", ["Bulk", "bulk_import", "1bulk", "-bulk", "", "xn--bulk", "sthree-bulk"])
def test_a_name_that_s3_does_not_take_is_refused(name: str) -> None:
    assert problem(name, "us-east-1") is not None


def test_the_guide_has_the_same_lengths() -> None:
    guide = (PROJECT / "infra" / "docs" / "platform.md").read_text()
    lengths = r"may have (\d+) characters together: (\d+) for the stack in (\S+), (\d+) in (\S+)\."
    found = re.search(lengths, guide)
    assert found
    together, *examples = found.groups()
    assert int(together) == LONGEST_BUCKET - len(bucket("", ""))
    for length, region in zip(examples[::2], examples[1::2], strict=True):
        assert int(length) == longest(region)
