"""The values of metrics in log lines of CloudWatch's embedded metric format.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json


def value_of(line: str, metric: str) -> float:
    """Returns the value that a line has for a metric, 0 if it has none."""
    try:
        document = json.loads(line)
    except ValueError:
        return 0
    if not isinstance(document, dict) or "_aws" not in document:
        return 0
    directives = document["_aws"]["CloudWatchMetrics"]
    names = {one["Name"] for directive in directives for one in directive["Metrics"]}
    return float(document[metric]) if metric in names else 0
