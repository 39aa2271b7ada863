"""Names that a stack can have: every one whose bucket S3 takes, and no other."""

from __future__ import annotations

import re
import unittest

import boto3
from project import PROJECT
from samcli.yamlhelper import yaml_parse
from stack_name import LONGEST_BUCKET, bucket, longest, problem

#: Those that botocore knows, without a look-up.
REGIONS = [
    region
    for partition in ("aws", "aws-us-gov", "aws-cn")
    for region in boto3.session.Session().get_available_regions("s3", partition)
]


class StackName(unittest.TestCase):
    def test_the_longest_name_makes_the_longest_bucket_in_each_region(self) -> None:
        assert len(REGIONS) > 30
        for region in REGIONS:
            with self.subTest(region):
                name = "a" * longest(region)
                assert len(bucket(name, region)) == LONGEST_BUCKET
                assert problem(name, region) is None
                assert problem(name + "a", region) is not None

    def test_the_default_name_can_be_had_in_each_region(self) -> None:
        config = yaml_parse((PROJECT / "samconfig.yaml").read_text())
        name = config["default"]["global"]["parameters"]["stack_name"]
        assert {problem(name, region) for region in REGIONS} == {None}

    def test_what_s3_does_not_take_is_refused(self) -> None:
        for name in ("Bulk", "bulk_import", "1bulk", "-bulk", "", "xn--bulk", "sthree-bulk"):
            with self.subTest(name):
                assert problem(name, "us-east-1") is not None

    def test_the_guide_says_the_same(self) -> None:
        guide = (PROJECT / "infra" / "docs" / "platform.md").read_text()
        (together, *examples) = re.search(
            r"at most (\d+) characters together, which leaves (\d+) in (\S+) and (\d+) in\s(\S+)\.", guide
        ).groups()
        assert int(together) == LONGEST_BUCKET - len(bucket("", ""))
        for length, region in zip(examples[::2], examples[1::2], strict=True):
            assert int(length) == longest(region)


if __name__ == "__main__":
    unittest.main()
