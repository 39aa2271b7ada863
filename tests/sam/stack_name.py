"""Checks whether a stack can have a name in a region, before CloudFormation does: `stack_name.py NAME REGION`.

The name of the bucket contains the names of the stack, the account and the region, and S3 takes fewer names than
CloudFormation: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parents[2] / "template.yaml"
#: The id of an account has 12 digits.
ACCOUNT = "1" * 12
LONGEST_BUCKET = 63
#: The names that both CloudFormation and S3 take.
TAKEN = re.compile(r"[a-z][a-z0-9-]*")
#: Prefixes that S3 reserves.
RESERVED = ("xn--", "sthree-", "amzn-s3-demo-")


def bucket(name: str, region: str) -> str:
    """Returns the name of the bucket, as the template builds it."""
    composed: str
    (composed,) = re.findall(r'BucketName: !Sub "(.*)"', TEMPLATE.read_text())
    for variable, value in {"StackName": name, "AccountId": ACCOUNT, "Region": region}.items():
        composed = composed.replace(f"${{AWS::{variable}}}", value)
    return composed


def longest(region: str) -> int:
    """Returns how many characters a stack's name may have in a region."""
    return LONGEST_BUCKET - len(bucket("", region))


def problem(name: str, region: str) -> str | None:
    """Returns what is wrong with a name, or None."""
    if not TAKEN.fullmatch(name):
        return "use small letters, digits and dashes, and begin with a letter: the bucket is named after the stack"
    if name.startswith(RESERVED):
        return f"S3 reserves names that begin with {', '.join(RESERVED)}, and the bucket is named after the stack"
    if len(name) > longest(region):
        return (
            f"it has {len(name)} characters, and in {region} it may have {longest(region)}: the bucket is named after "
            f"the stack, the account and the region, and S3 takes {LONGEST_BUCKET} characters"
        )
    return None


def main() -> int:
    """Prints the result and returns the exit status."""
    name, region = sys.argv[1:]
    if not (name and region):
        print("Which name, and where? make stack-name NAME=bulk-import REGION=eu-central-1", file=sys.stderr)
        return 2
    if found := problem(name, region):
        print(f"A stack cannot be named {name!r} in {region}: {found}.", file=sys.stderr)
        return 1
    print(f"A stack can be named {name!r} in {region}. Its bucket: {bucket(name, region).replace(ACCOUNT, 'ACCOUNT')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
