"""What CloudFormation makes of the template: the transform, and values in place of parameters and conditions."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from samtranslator.translator.transform import transform

from tests.sam.project import load_template

#: A property that a condition leaves out.
NO_VALUE = {"Ref": "AWS::NoValue"}
#: Every protection that a parameter switches on. The ARNs are made up.
ALL_PROTECTIONS = {
    "KmsKeyArn": "arn:aws:kms:us-east-1:111122223333:key/1a2b3c4d",
    "AlarmTopicArn": "arn:aws:sns:us-east-1:111122223333:alarms",
    "ApiReservedConcurrency": "100",
    "FanOutReservedConcurrency": "20",
    "Tracing": "Active",
    "Waf": "enabled",
    "Alarms": "enabled",
}


class NoPolicies:
    """Knows no managed policy."""

    def load(self) -> dict[str, str]:
        """Returns the ARNs of managed policies by their names."""
        return {}


def expanded(template: dict[str, Any]) -> Any:
    """Returns what the transform makes of the template. The region is that of AWS_DEFAULT_REGION."""
    template = copy.deepcopy(template)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://bucket/key"
    return transform(template, {}, NoPolicies())


class Stack:
    """The template with values for its parameters."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self.template = expanded(load_template())
        self.parameters = {name: one["Default"] for name, one in self.template["Parameters"].items()} | dict(given)

    def is_true(self, condition: Any) -> bool:
        """Returns the value of a condition, which can be a name."""
        if isinstance(condition, str):
            return self.is_true(self.template["Conditions"][condition])
        ((function, operand),) = condition.items()
        if function == "Condition":
            return self.is_true(operand)
        if function == "Fn::Equals":
            left, right = (str(self.value(one)) for one in operand)
            return left == right
        if function == "Fn::Not":
            return not self.is_true(operand[0])
        if function == "Fn::And":
            return all(map(self.is_true, operand))
        raise NotImplementedError(function)

    def value(self, value: Any) -> Any:
        """Returns a value with its parameters and conditions replaced. Other functions of CloudFormation stay."""
        if isinstance(value, dict):
            if set(value) == {"Ref"}:
                return self.parameters.get(value["Ref"], value)
            if set(value) == {"Fn::If"}:
                condition, if_true, if_false = value["Fn::If"]
                return self.value(if_true if self.is_true(condition) else if_false)
            replaced = {name: self.value(one) for name, one in value.items()}
            return {name: one for name, one in replaced.items() if one != NO_VALUE}
        if isinstance(value, list):
            return [one for one in map(self.value, value) if one != NO_VALUE]
        return value

    def resources(self) -> dict[str, Any]:
        """Returns the resources that are created, by their names."""
        created = {
            name: {key: value for key, value in resource.items() if key != "Condition"}
            for name, resource in self.template["Resources"].items()
            if "Condition" not in resource or self.is_true(resource["Condition"])
        }
        resources: dict[str, Any] = self.value(created)
        return resources
