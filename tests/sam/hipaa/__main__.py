"""`python -m tests.sam.hipaa` prints each finding without a reason, and each reason without a finding.

Reasons stand in the template, as cdk-nag expects them: `cdk_nag.rules_to_suppress` in the metadata of a resource, or of
the template if no resource of a type follows the rule.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.sam.deployed import ALL_PROTECTIONS, Stack
from tests.sam.project import load_template

FOLDER = Path(__file__).parent
#: How the description begins if a rule could not be applied, because only CloudFormation knows a value.
NOT_APPLIED = "Rule threw an error"

#: A rule and the resource that does not follow it.
Finding = tuple[str, str]


def findings(resources: dict[str, Any]) -> dict[Finding, str]:
    """Returns what cdk-nag finds, with its descriptions."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump({"Resources": resources}, file)
        file.flush()
        command = ["node", str(FOLDER / "check.mjs"), file.name]
        run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return {
        (finding["rule"], resource): finding["description"]
        for finding in json.loads(run.stdout)
        for resource in finding["resources"]
    }


def reasons(resource: dict[str, Any]) -> dict[str, str]:
    """Returns the reasons in the metadata of a resource or a template, by rule."""
    listed = resource.get("Metadata", {}).get("cdk_nag", {}).get("rules_to_suppress", [])
    return {one["id"]: one["reason"] for one in listed}


def main() -> int:
    """Prints what is wrong, and returns the exit status."""
    template = load_template()
    everywhere = reasons(template)
    of_resources = {(rule, name) for name, one in template["Resources"].items() for rule in reasons(one)}
    found = findings(Stack(ALL_PROTECTIONS).resources())
    used: set[Finding | str] = set()
    wrong = []
    for (rule, resource), description in found.items():
        # The transform makes other resources of one of SAM's: the stage `RestApiliveStage` of `RestApi`.
        own = {(one, name) for one, name in of_resources if one == rule and resource.startswith(name)}
        if description.startswith(NOT_APPLIED) or not (own or rule in everywhere):
            wrong.append(f"{resource}: {rule}: {description}")
        used.update(own or [rule])
    wrong += [f"{rule} is followed by all resources: remove its reason" for rule in everywhere.keys() - used]
    wrong += [f"{name} follows {rule}: remove its reason" for rule, name in of_resources - used]
    print("\n".join(wrong) or f"cdk-nag: {len(used)} reasons, and no other findings")
    return 1 if wrong else 0


if __name__ == "__main__":
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    # The transform warns that it has no list of features, which it only needs inside of AWS.
    logging.disable(logging.WARNING)
    sys.exit(main())
