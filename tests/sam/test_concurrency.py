"""The guide says the same about concurrent executions as the template."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sam.project import PROJECT, load_template

GUIDE = " ".join((PROJECT / "infra" / "docs" / "platform.md").read_text().split())
TEMPLATE = load_template()


def maximum_concurrency(event: dict[str, Any]) -> int:
    """Returns how many executions an event source can start."""
    most = event["Properties"].get("ScalingConfig", {}).get("MaximumConcurrency", 0)
    return int(TEMPLATE["Parameters"][most["Ref"]]["Default"] if isinstance(most, dict) else most)


def test_the_guide_has_the_sum_over_all_queues() -> None:
    functions = (one for one in TEMPLATE["Resources"].values() if one["Type"] == "AWS::Serverless::Function")
    events = (event for function in functions for event in function["Properties"].get("Events", {}).values())
    assert f"up to {sum(map(maximum_concurrency, events))} concurrent executions" in GUIDE


@pytest.mark.parametrize("name", ["SmallJobChunks", "MediumJobChunks", "LargeJobChunks"])
def test_the_guide_has_the_time_for_which_a_chunk_can_be_throttled(name: str) -> None:
    queue = TEMPLATE["Resources"][name]["Properties"]
    receives, minutes = queue["RedrivePolicy"]["maxReceiveCount"], queue["VisibilityTimeout"] // 60
    assert f"for {receives * minutes} minutes without a break ({receives} receives, {minutes} minutes apart)" in GUIDE
