"""The platform guide has the alarms of the template, and what they watch exists."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.sam.project import PROJECT, load_template

GUIDE = (PROJECT / "infra" / "docs" / "platform.md").read_text()
RESOURCES: dict[str, Any] = load_template()["Resources"]
OPERATORS = {"GreaterThanOrEqualToThreshold": "", "LessThanThreshold": "under "}


def of_type(kind: str) -> dict[str, Any]:
    """Returns the properties of the resources of a type."""
    return {name: one["Properties"] for name, one in RESOURCES.items() if one["Type"] == kind}


ALARMS = of_type("AWS::CloudWatch::Alarm")


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


def test_the_guide_has_the_metrics_that_the_code_counts_with_their_units() -> None:
    sources = [path for folder in ("functions", "shared") for path in (PROJECT / folder).rglob("src/**/*.rs")]
    layer = next(path for path in sources if path.match("lambda/src/metrics.rs"))
    counted = {
        name for path in sources if path != layer for name in re.findall(r"metric\.([A-Z]\w+)", path.read_text())
    }
    seconds = set(re.findall(r'\("(\w+)", "Seconds"\)', layer.read_text()))
    errors = set(re.findall(r'const ERRORS: &str = "(\w+)"', layer.read_text()))
    rows = re.findall(r"^\| (`[^|]+`) \| (Count|Seconds) \|", GUIDE, re.MULTILINE)
    described = {name: unit for names, unit in rows for name in re.findall(r"`(\w+)`", names)}
    assert described == {name: "Seconds" if name in seconds else "Count" for name in counted | errors}
    assert shown_metrics("${AWS::StackName}") == set(described), "what the dashboard shows"


def test_alarms_watch_metrics_that_the_code_counts() -> None:
    own = (metric for alarm in ALARMS.values() for metric in metrics(alarm))
    watched = {metric["MetricName"] for metric in own if metric["Namespace"] == {"Ref": "AWS::StackName"}}
    assert watched <= shown_metrics("${AWS::StackName}")


def test_every_function_has_the_namespace_of_the_metrics_of_the_alarms() -> None:
    variables = load_template()["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["METRICS_NAMESPACE"] == {"Fn::If": ["HasAlarms", {"Ref": "AWS::StackName"}, ""]}


def shown_metrics(namespace: str | None = None) -> set[str]:
    """Returns the metrics on the dashboard, of a namespace or of all."""
    shown = (one for widget in dashboard()["widgets"] for one in widget["properties"].get("metrics", []))
    return {name for found, name, *_ in shown if namespace in (None, found)}


def dashboard() -> dict[str, Any]:
    """Returns the body of the dashboard."""
    (found,) = of_type("AWS::CloudWatch::Dashboard").values()
    body: dict[str, Any] = json.loads(found["DashboardBody"]["Fn::Sub"])
    return body


def test_each_alarm_has_its_metrics_on_the_dashboard() -> None:
    watched = {metric["MetricName"] for alarm in ALARMS.values() for metric in metrics(alarm)}
    assert watched - shown_metrics() == {"BlockedRequests"}, "which only a stack with WAF has"
    listed = re.findall(r"(\w+)\.Arn", json.dumps(dashboard()["widgets"][0]))
    assert [*listed, "RequestsBlockedAlarm"] == list(ALARMS)
