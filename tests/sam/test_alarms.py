"""The platform guide has the alarms of the template, and what they watch exists."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.sam.project import PROJECT, load_template

GUIDE = (PROJECT / "infra" / "docs" / "platform.md").read_text()
RESOURCES: dict[str, Any] = load_template()["Resources"]
OPERATORS = {"GreaterThanOrEqualToThreshold": "", "LessThanThreshold": "under "}


def of_type(kind: str) -> dict[str, Any]:
    """Returns the properties of the resources of a type."""
    return {name: one["Properties"] for name, one in RESOURCES.items() if one["Type"] == kind}


ALARMS = of_type("AWS::CloudWatch::Alarm")
FILTERS = of_type("AWS::Logs::MetricFilter")


def metrics(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the metrics of an alarm, each with its period."""
    if "Metrics" not in alarm:
        return [alarm]
    statistics = (one["MetricStat"] for one in alarm["Metrics"] if "MetricStat" in one)
    return [one["Metric"] | {"Period": one["Period"]} for one in statistics]


def row(name: str) -> str:
    """Returns the row of the guide's table as it has to begin for an alarm."""
    alarm = ALARMS[name]
    (period,) = {metric["Period"] for metric in metrics(alarm)}
    unit = " s" if metrics(alarm)[0]["MetricName"].startswith("ApproximateAge") else ""
    times = f"{alarm['EvaluationPeriods']} × " if alarm["EvaluationPeriods"] > 1 else ""
    threshold = f"{OPERATORS[alarm['ComparisonOperator']]}{alarm['Threshold']:,}{unit}"
    return f"| `{name}` | {threshold} | {times}{period // 60} min | "


def test_the_guide_has_these_alarms_with_these_thresholds_and_no_others() -> None:
    rows = re.findall(r"^(\| `\w+Alarm` \|[^|]*\|[^|]*\| )", GUIDE, re.MULTILINE)
    assert rows == [row(name) for name in ALARMS]


def test_each_alarm_notifies_the_topic_and_says_what_happened() -> None:
    for name, alarm in ALARMS.items():
        for state in ("AlarmActions", "OKActions"):
            assert alarm[state] == {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}, (
                name
            )
        assert alarm["AlarmDescription"].endswith("."), name


def test_each_metric_of_a_log_has_a_filter_and_an_alarm() -> None:
    filtered = {one["MetricTransformations"][0]["MetricName"] for one in FILTERS.values()}
    own = (metric for alarm in ALARMS.values() for metric in metrics(alarm))
    assert filtered == {metric["MetricName"] for metric in own if metric["Namespace"] == {"Ref": "AWS::StackName"}}


def test_the_errors_of_each_function_are_counted() -> None:
    counted = {name for name, one in FILTERS.items() if one["FilterPattern"] == '{ $.level = "ERROR" }'}
    assert counted == {f"{function}Errors" for function in of_type("AWS::Serverless::Function")}
    assert all(FILTERS[name]["LogGroupName"] == {"Ref": name.replace("Errors", "Logs")} for name in counted)


@pytest.mark.parametrize("name", [name for name in FILTERS if "$.message" in FILTERS[name]["FilterPattern"]])
def test_a_message_with_a_metric_is_logged(name: str) -> None:
    properties = FILTERS[name]
    found = re.fullmatch(r'\{ \$\.message = "([^"*]+)\*?" \}', properties["FilterPattern"])
    assert found is not None
    function = properties["LogGroupName"]["Ref"].removesuffix("Logs")
    own = PROJECT / RESOURCES[function]["Properties"]["CodeUri"] / "src"
    sources = [path for folder in (own, PROJECT / "shared") for path in folder.rglob("*.rs")]
    assert any(f'"{found[1]}' in path.read_text() for path in sources)


def test_each_alarm_has_its_metrics_on_the_dashboard() -> None:
    (dashboard,) = of_type("AWS::CloudWatch::Dashboard").values()
    body = json.loads(dashboard["DashboardBody"]["Fn::Sub"])
    shown = {name for widget in body["widgets"] for _, name, *_ in widget["properties"].get("metrics", [])}
    watched = {metric["MetricName"] for alarm in ALARMS.values() for metric in metrics(alarm)}
    assert watched - shown == {"BlockedRequests"}, "which only a stack with WAF has"
    listed = re.findall(r"(\w+)\.Arn", json.dumps(body["widgets"][0]))
    assert [*listed, "RequestsBlockedAlarm"] == list(ALARMS)
