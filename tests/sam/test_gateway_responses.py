"""The answers of API Gateway itself have the status that their bodies say, and the shape of the project's errors."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.sam.project import PROJECT, load_template

#: Every type with its default status code:
#: https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
STATUSES = {
    "ACCESS_DENIED": 403,
    "API_CONFIGURATION_ERROR": 500,
    "AUTHORIZER_CONFIGURATION_ERROR": 500,
    "AUTHORIZER_FAILURE": 500,
    "BAD_REQUEST_BODY": 400,
    "BAD_REQUEST_PARAMETERS": 400,
    "EXPIRED_TOKEN": 403,
    "INTEGRATION_FAILURE": 504,
    "INTEGRATION_TIMEOUT": 504,
    "INVALID_API_KEY": 403,
    "INVALID_SIGNATURE": 403,
    "MISSING_AUTHENTICATION_TOKEN": 403,
    "QUOTA_EXCEEDED": 429,
    "REQUEST_TOO_LARGE": 413,
    "RESOURCE_NOT_FOUND": 404,
    "THROTTLED": 429,
    "UNAUTHORIZED": 401,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "WAF_FILTERED": 403,
}
DEFAULTS = ("DEFAULT_4XX", "DEFAULT_5XX")
#: Where the project deliberately answers with another status.
OURS = {"MISSING_AUTHENTICATION_TOKEN": 404}
#: The variables in use, each with an example of what API Gateway replaces it by.
VARIABLES = {"$context.error.messageString": '"What happened"', "$context.error.responseType": "THE_TYPE"}
RESPONSES: dict[str, dict[str, Any]] = load_template()["Resources"]["RestApi"]["Properties"]["GatewayResponses"]


def body(name: str) -> dict[str, Any]:
    """Returns the body of a response as a caller gets it."""
    text = RESPONSES[name]["ResponseTemplates"]["application/json"]
    for variable, value in VARIABLES.items():
        text = text.replace(variable, value)
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def headers(name: str) -> dict[str, Any]:
    """Returns the headers of a response."""
    found: dict[str, Any] = RESPONSES[name]["ResponseParameters"]["Headers"]
    return found


def test_each_type_of_aws_has_its_own_response() -> None:
    assert set(RESPONSES) == {*STATUSES, *DEFAULTS}


@pytest.mark.parametrize(("name", "expected"), (STATUSES | OURS).items())
def test_the_status_of_a_type_is_that_of_aws_and_that_of_its_body(name: str, expected: int) -> None:
    assert RESPONSES[name]["StatusCode"] == expected
    assert body(name)["status"] == expected


@pytest.mark.parametrize("name", STATUSES)
def test_the_name_follows_from_the_title(name: str) -> None:
    answer = body(name)
    assert set(answer) == {"status", "title", "detail", "name"}
    assert answer["name"] == answer["title"].upper().replace(" ", "_")


def test_a_status_has_one_title() -> None:
    titles: dict[int, set[str]] = {}
    for answer in map(body, STATUSES):
        titles.setdefault(answer["status"], set()).add(answer["title"])
    assert [one for one in titles.values() if len(one) > 1] == []


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_type_without_a_response_of_its_own_keeps_its_status_and_its_name(name: str) -> None:
    assert "StatusCode" not in RESPONSES[name]
    answer = body(name)
    assert set(answer) == {"title", "detail", "name"}
    assert answer["name"] == "THE_TYPE"


@pytest.mark.parametrize("name", RESPONSES)
def test_all_responses_have_the_same_headers(name: str) -> None:
    assert "Cache-Control" in headers(name)
    assert headers(name) == headers(DEFAULTS[0])


def test_the_allowed_site_can_read_these_answers_and_those_of_the_functions() -> None:
    respond = (PROJECT / "functions" / "api" / "src" / "response_headers.rs").read_text()
    (exposed,) = re.findall(r'const EXPOSED: &str = "(.+)";', respond)
    expected = {
        "Access-Control-Allow-Origin": {"Fn::Sub": "'${CorsOrigin}'"},
        "Access-Control-Expose-Headers": f"'{exposed}'",
        "Vary": "'origin'",
    }
    for header, value in expected.items():
        with_a_site_only = {"Fn::If": ["HasCorsOrigin", value, {"Ref": "AWS::NoValue"}]}
        assert headers(DEFAULTS[0]).get(header) == with_a_site_only
