"""The alarms of the template, and the values of their metrics on a local stack."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache

from local_stack.aws import client
from local_stack.deploy import STACK_NAME
from local_stack.description import Stack
from local_stack.template import functions, load_template
from tests.game_day.metrics import value_of

TEMPLATE = load_template()
COMPARE = {"GreaterThanOrEqualToThreshold": operator.ge, "LessThanThreshold": operator.lt}
ALARMS = {
    name: resource["Properties"]
    for name, resource in TEMPLATE["Resources"].items()
    if resource["Type"] == "AWS::CloudWatch::Alarm"
}


def would_fire(alarm: str, value: float) -> bool:
    """Returns whether a value of its metric makes an alarm fire."""
    properties = ALARMS[alarm]
    fires: bool = COMPARE[properties["ComparisonOperator"]](value, properties["Threshold"])
    return fires


class Emulator:
    """The emulator of a local stack, by the names of the template."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.client = cache(lambda service: client(service, stack.endpoint))

    @cache  # noqa: B019, there is one emulator.
    def resource(self, name: str) -> str:
        """Returns the name in AWS, or the URL of a queue."""
        found = self.client("cloudformation").describe_stack_resource(StackName=STACK_NAME, LogicalResourceId=name)
        physical: str = found["StackResourceDetail"]["PhysicalResourceId"]
        return physical

    def log_lines(self, group: str) -> Iterator[str]:
        """Yields the lines in a log group."""
        pages = self.client("logs").get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=self.resource(group)):
            for event in page["events"]:
                yield event["message"].strip()

    def counted(self, metric: str) -> float:
        """Returns the sum of one of the stack's own metrics, which the functions write to their logs."""
        groups = [f"{function}Logs" for function in functions(TEMPLATE)]
        return sum(value_of(line, metric) for group in groups for line in self.log_lines(group))

    def of_function(self, metric: str, function: str) -> float:
        """Returns the sum of a metric of a function over the last hour."""
        now = datetime.now(UTC)
        points = self.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName=metric,
            Dimensions=[{"Name": "FunctionName", "Value": self.resource(function)}],
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(minutes=5),
            Period=60,
            Statistics=["Sum"],
        )["Datapoints"]
        return sum(float(point["Sum"]) for point in points)
