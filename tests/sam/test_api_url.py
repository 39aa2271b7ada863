"""Where links of webhooks lead: to the URL that the stack's output names."""

from __future__ import annotations

import re

import pytest

from tests.sam.project import load_template


def test_links_lead_to_the_url_of_the_output_which_is_that_of_the_stage_or_of_a_domain_of_its_own() -> None:
    template = load_template()
    url = template["Resources"]["DeliverWebhook"]["Properties"]["Environment"]["Variables"]["API_URL"]
    assert url == template["Outputs"]["ApiUrl"]["Value"]
    condition, own, of_stage = url["Fn::If"]
    assert template["Conditions"][condition] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "ApiBaseUrl"}, ""]}]}
    assert own == {"Ref": "ApiBaseUrl"}
    stage = template["Resources"]["RestApi"]["Properties"]["StageName"]
    endpoint = "https://${RestApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}"
    assert of_stage == {"Fn::Sub": f"{endpoint}/{stage}"}


@pytest.mark.parametrize(
    ("parameter", "good", "bad"),
    [
        (
            "ApiBaseUrl",
            ["", "https://import.example.com", "https://import.example.com/live"],
            [
                "http://import.example.com",
                "https://a.example/",
                "https://a.example/?b",
                "https://a@b.example",
                "https://a b",
            ],
        ),
        ("WarmThroughput", ["0", "12000", "19999", "40000", "100000"], ["1", "4000", "11999", "-1", "4e4", ""]),
    ],
)
def test_a_parameter_takes_only_what_can_be_deployed(parameter: str, good: list[str], bad: list[str]) -> None:
    pattern = load_template()["Parameters"][parameter]["AllowedPattern"]
    assert [value for value in good if not re.fullmatch(pattern, value)] == []
    assert [value for value in bad if re.fullmatch(pattern, value)] == []
