"""What the guide says about concurrent executions is what the template asks for."""

from __future__ import annotations

import unittest

from project import PROJECT
from samcli.yamlhelper import yaml_parse

GUIDE = (PROJECT / "infra" / "docs" / "platform.md").read_text()
TEMPLATE = yaml_parse((PROJECT / "template.yaml").read_text())
CHUNKS = ("SmallJobChunks", "MediumJobChunks", "LargeJobChunks")


class Concurrency(unittest.TestCase):
    def test_the_guide_adds_up_what_queues_can_take(self) -> None:
        total = 0
        for resource in TEMPLATE["Resources"].values():
            events = resource["Properties"].get("Events", {}) if "Serverless::Function" in resource["Type"] else {}
            for event in events.values():
                most = event["Properties"].get("ScalingConfig", {}).get("MaximumConcurrency", 0)
                total += TEMPLATE["Parameters"][most["Ref"]]["Default"] if isinstance(most, dict) else most
        assert f"up to {total} concurrent executions" in GUIDE

    def test_the_guide_knows_how_long_a_chunk_can_be_throttled(self) -> None:
        for name in CHUNKS:
            queue = TEMPLATE["Resources"][name]["Properties"]
            receptions, minutes = queue["RedrivePolicy"]["maxReceiveCount"], queue["VisibilityTimeout"] // 60
            assert f"{receptions * minutes} minutes ({receptions} receptions of {minutes} minutes)" in " ".join(GUIDE.split())


if __name__ == "__main__":
    unittest.main()
