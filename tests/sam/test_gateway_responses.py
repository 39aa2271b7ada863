"""What API Gateway answers by itself has the status that its body says, and looks like our own errors."""

from __future__ import annotations

import functools
import json
import unittest
from typing import Any

from project import PROJECT
from samcli.yamlhelper import yaml_parse

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
#: Where we say something else than API Gateway.
OURS = {"MISSING_AUTHENTICATION_TOKEN": 404}
#: The only variables in use, with what API Gateway puts in their place.
VARIABLES = {"$context.error.messageString": '"What happened"', "$context.error.responseType": "THE_TYPE"}


@functools.cache
def responses() -> dict[str, dict[str, Any]]:
    template = yaml_parse((PROJECT / "template.yaml").read_text())
    return template["Resources"]["RestApi"]["Properties"]["GatewayResponses"]


def body(response: dict[str, Any]) -> dict[str, Any]:
    """Returns the body as a caller gets it."""
    text = response["ResponseTemplates"]["application/json"]
    for variable, value in VARIABLES.items():
        text = text.replace(variable, value)
    return json.loads(text)


class GatewayResponses(unittest.TestCase):
    def test_every_type_that_aws_knows_has_its_own_response(self) -> None:
        assert set(responses()) == {*STATUSES, *DEFAULTS}

    def test_the_status_of_each_type_is_that_of_aws_and_that_of_the_body(self) -> None:
        for name, expected in (STATUSES | OURS).items():
            with self.subTest(name):
                response = responses()[name]
                assert response["StatusCode"] == expected
                assert body(response)["status"] == expected

    def test_a_status_has_one_title_and_the_name_follows_from_it(self) -> None:
        titles: dict[int, set[str]] = {}
        for name in STATUSES:
            with self.subTest(name):
                said = body(responses()[name])
                assert set(said) == {"status", "title", "detail", "name"}
                assert said["name"] == said["title"].upper().replace(" ", "_")
                titles.setdefault(said["status"], set()).add(said["title"])
        assert [one for one in titles.values() if len(one) > 1] == []

    def test_a_type_that_is_not_listed_keeps_its_status_and_names_itself(self) -> None:
        for name in DEFAULTS:
            with self.subTest(name):
                assert "StatusCode" not in responses()[name]
                said = body(responses()[name])
                assert set(said) == {"title", "detail", "name"}
                assert said["name"] == "THE_TYPE"

    def test_all_have_the_same_headers(self) -> None:
        headers = [response["ResponseParameters"]["Headers"] for response in responses().values()]
        assert "Cache-Control" in headers[0]
        assert [one for one in headers if one != headers[0]] == []


if __name__ == "__main__":
    unittest.main()
