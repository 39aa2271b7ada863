"""The protections of the template, as CloudFormation deploys it with and without its parameters."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.sam.deployed import ALL_PROTECTIONS, Stack
from tests.sam.project import load_template

KEY = ALL_PROTECTIONS["KmsKeyArn"]
#: Where the customer-managed key of a resource is named, and what a resource without one is
#: encrypted with.
ENCRYPTION = {
    "AWS::DynamoDB::Table": ("SSESpecification", {"SSEEnabled": True, "SSEType": "KMS"}),
    "AWS::S3::Bucket": ("BucketEncryption", "AES256"),
    "AWS::SQS::Queue": ("SqsManagedSseEnabled", True),
    "AWS::Logs::LogGroup": ("KmsKeyId", None),
    "AWS::Lambda::Function": ("KmsKeyArn", None),
}


@pytest.fixture(autouse=True)
def region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def of_type(resources: dict[str, Any], kind: str) -> dict[str, Any]:
    """Returns the properties of the resources of a type."""
    return {name: one["Properties"] for name, one in resources.items() if one["Type"] == kind}


def denies(document: dict[str, Any], condition: dict[str, Any]) -> bool:
    """Returns whether a policy denies everything under a condition."""
    return any(
        (one["Effect"], one["Principal"], one["Condition"]) == ("Deny", "*", condition)
        and one["Action"] in {"dynamodb:*", "s3:*", "sqs:*"}
        for one in document["Statement"]
    )


WITHOUT_TLS = {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize("kind", ENCRYPTION)
def test_with_a_key_everything_that_stores_something_names_it(kind: str) -> None:
    resources = of_type(Stack(ALL_PROTECTIONS).resources(), kind)
    assert resources
    assert {name for name, one in resources.items() if KEY not in json.dumps(one)} == set()


@pytest.mark.parametrize("kind", ENCRYPTION)
def test_without_a_key_everything_has_the_encryption_of_aws(kind: str) -> None:
    where, expected = ENCRYPTION[kind]
    for name, properties in of_type(Stack({}).resources(), kind).items():
        found = properties.get(where)
        if kind == "AWS::S3::Bucket":
            found = found["ServerSideEncryptionConfiguration"][0]["ServerSideEncryptionByDefault"]["SSEAlgorithm"]
        assert found == expected, name


def test_no_queue_has_two_kinds_of_encryption() -> None:
    for parameters in ({}, ALL_PROTECTIONS):
        for name, queue in of_type(Stack(parameters).resources(), "AWS::SQS::Queue").items():
            assert ("KmsMasterKeyId" in queue) != ("SqsManagedSseEnabled" in queue), name


def test_only_with_a_key_the_roles_may_use_it_and_only_by_way_of_services_that_they_use() -> None:
    without = json.dumps(Stack({}).resources())
    assert "kms:" not in without
    resources = Stack(ALL_PROTECTIONS).resources()
    services: dict[str, set[str]] = {}
    for policy in of_type(resources, "AWS::IAM::ManagedPolicy").values():
        for statement in policy["PolicyDocument"]["Statement"]:
            if not any(action.startswith("kms:") for action in statement["Action"]):
                continue
            assert statement["Resource"] == KEY
            assert set(statement["Action"]) <= {"kms:Decrypt", "kms:GenerateDataKey"}
            via = statement["Condition"]["StringEquals"]["kms:ViaService"]
            for role in policy["Roles"]:
                names = (one["Fn::Sub"].split(".")[0] for one in (via if isinstance(via, list) else [via]))
                services.setdefault(role["Ref"], set()).update(names)
    used = {"GetSecretValue": "secretsmanager", "dynamodb:": "dynamodb", "s3:": "s3", "sqs:": "sqs"}
    roles = {name: json.dumps(one) for name, one in resources.items() if one["Type"] == "AWS::IAM::Role"}
    with_secret = Stack(
        ALL_PROTECTIONS | {"GatewaySecretArn": "arn:aws:secretsmanager:us-east-1:111122223333:secret:a"}
    )
    roles["QueryDocumentsRole"] = json.dumps(with_secret.resources()["QueryDocumentsRole"])
    assert services == {name: {used[text] for text in used if text in role} for name, role in roles.items()}


def test_nothing_is_reachable_without_tls() -> None:
    resources = Stack({}).resources()
    for name, table in of_type(resources, "AWS::DynamoDB::Table").items():
        assert denies(table["ResourcePolicy"]["PolicyDocument"], WITHOUT_TLS), name
    (bucket_policy,) = of_type(resources, "AWS::S3::BucketPolicy").values()
    assert denies(bucket_policy["PolicyDocument"], WITHOUT_TLS)
    assert denies(bucket_policy["PolicyDocument"], {"NumericLessThan": {"s3:TlsVersion": "1.2"}})
    (queue_policy,) = of_type(resources, "AWS::SQS::QueuePolicy").values()
    assert denies(queue_policy["PolicyDocument"], WITHOUT_TLS)
    assert {queue["Ref"] for queue in queue_policy["Queues"]} == set(of_type(resources, "AWS::SQS::Queue"))


def test_the_api_takes_no_tls_older_than_1_2() -> None:
    (api,) = of_type(Stack({}).resources(), "AWS::ApiGateway::RestApi").values()
    # The name has the newest and the oldest version that the policy takes.
    assert api["SecurityPolicy"].startswith("SecurityPolicy_TLS13_1_2_")
    assert api["EndpointAccessMode"] == "STRICT"


def test_waf_is_in_front_of_the_api_unless_it_is_disabled() -> None:
    resources = Stack({}).resources()
    (association,) = of_type(resources, "AWS::WAFv2::WebACLAssociation").values()
    assert association["WebACLArn"] == {"Fn::GetAtt": ["ApiWaf", "Arn"]}
    assert of_type(Stack({"Waf": "disabled"}).resources(), "AWS::WAFv2::WebACL") == {}


def test_one_address_cannot_use_up_the_calls_of_all() -> None:
    defaults = Stack({}).parameters
    assert defaults["CallsPerAddress"] <= 60 * defaults["CallsPerSecond"] / 2
    assert defaults["CallsPerAddress"] >= defaults["CallsPerMinute"]


def test_what_waf_logs_has_no_keys_and_no_query_strings() -> None:
    resources = Stack({}).resources()
    (logging,) = of_type(resources, "AWS::WAFv2::LoggingConfiguration").values()
    assert logging["RedactedFields"] == [{"SingleHeader": {"Name": "x-api-key"}}, {"QueryString": {}}]
    assert '"SampledRequestsEnabled": true' not in json.dumps(resources)


def test_no_concurrency_is_reserved_unless_a_parameter_says_so() -> None:
    reserved = {
        name: function.get("ReservedConcurrentExecutions")
        for name, function in of_type(
            Stack({"ApiReservedConcurrency": "7"}).resources(), "AWS::Lambda::Function"
        ).items()
    }
    assert {name: number for name, number in reserved.items() if number is not None} == {"Api": "7"}


def test_tracing_traces_functions_and_not_the_urls_of_the_api() -> None:
    for tracing in ("Active", "PassThrough"):
        resources = Stack({"Tracing": tracing}).resources()
        functions = of_type(resources, "AWS::Lambda::Function").values()
        assert {function["TracingConfig"]["Mode"] for function in functions} == {tracing}
        (stage,) = of_type(resources, "AWS::ApiGateway::Stage").values()
        assert stage["TracingEnabled"] is False
        assert ("xray:PutTraceSegments" in json.dumps(resources)) == (tracing == "Active")


def test_the_audit_trail_is_kept_for_six_years_and_outlives_the_stack() -> None:
    template = load_template()["Resources"]["AuditTrail"]
    assert (template["DeletionPolicy"], template["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    assert Stack({}).resources()["AuditTrail"]["Properties"]["RetentionInDays"] == 6 * 365 + 2
    changed = Stack({"AuditRetentionDays": "3653"}).resources()
    assert changed["AuditTrail"]["Properties"]["RetentionInDays"] == "3653"
    assert changed["ApiLogs"]["Properties"]["RetentionInDays"] == 90


def test_functions_add_events_to_the_audit_trail_and_nothing_reads_or_deletes_them() -> None:
    resources = Stack({}).resources()
    policy = resources["AuditPolicy"]["Properties"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["logs:PutLogEvents"]
    assert statement["Resource"]["Fn::Sub"].endswith(":log-group:${AuditTrail}:log-stream:${AuditEvents}")
    roles = {name for name, one in resources.items() if one["Type"] == "AWS::IAM::Role"}
    assert {one["Ref"] for one in policy["Roles"]} == roles
    others = {name: one for name, one in resources.items() if name not in {"AuditPolicy", "AuditEvents"}}
    grants = json.dumps([one for one in others.values() if one["Type"].startswith("AWS::IAM::")])
    assert "AuditTrail" not in grants
    functions = of_type(resources, "AWS::Lambda::Function").values()
    assert {json.dumps(one["Environment"]["Variables"]["AUDIT_LOG_GROUP"]) for one in functions} == {
        json.dumps({"Ref": "AuditTrail"})
    }
