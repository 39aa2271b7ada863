"""Deploys the template to the emulator, with the binaries of `make build`."""

from __future__ import annotations

import hashlib
import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local_stack.aws import client
from local_stack.paths import TEMPLATE, binary_of
from local_stack.template import Template, adapt, functions, host_architecture, load_template

STACK_NAME = "bulk-import"
ARTIFACTS = "deployment-artifacts"
DEPLOY_SECONDS = 120
#: Four workers for each queue, because a machine has fewer processors than AWS.
CONCURRENCY = dict.fromkeys(("SmallImportConcurrency", "MediumImportConcurrency", "ImportConcurrency"), "4")
#: The emulator filters no requests, and knows no alarms over several metrics.
WITHOUT = {"Waf": "disabled", "Alarms": "disabled"}
TABLES = ("DirectoryTable", "JobsTable", "PatientsTable", "ExternalIdsTable")
#: What of a table's description also creates it.
TABLE_KEYS = ("TableName", "KeySchema", "AttributeDefinitions")
INDEX_KEYS = ("IndexName", "KeySchema", "Projection")


class DeployError(Exception):
    """The template was not deployed. The text says which resource failed and why."""


def fingerprint() -> str:
    """Returns a text that changes whenever the template or a binary changes."""
    digest = hashlib.sha256(TEMPLATE.read_bytes())
    for function in sorted(functions(load_template()).values()):
        path = binary_of(function)
        if path.exists():
            digest.update(f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}".encode())
    return digest.hexdigest()


def create_stack(endpoint: str, given: dict[str, str], visibility: int | None = None) -> dict[str, str]:
    """Deploys the template with these parameters. Returns the outputs of the stack.

    Raises `DeployError` if a parameter does not exist, a binary is missing, or a resource is not created.
    """
    template = load_template()
    if unknown := given.keys() - template["Parameters"].keys():
        raise DeployError(f"template.yaml has no parameter {', '.join(sorted(unknown))}")
    defaults = {name: str(one["Default"]) for name, one in template["Parameters"].items() if "Default" in one}
    parameters = defaults | {"Architecture": host_architecture()} | CONCURRENCY | WITHOUT | given
    adapt(template, endpoint, parameters, visibility)
    try:
        upload_functions(template, endpoint)
        url = upload_template(template, endpoint)
        stack = wait_for_stack(client("cloudformation", endpoint), url, parameters)
    except (BotoCoreError, ClientError) as error:
        raise DeployError(str(error)) from error
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def package(binary: Path) -> bytes:
    """Returns a deployment package: a zip archive with the binary as an executable `bootstrap`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        entry = zipfile.ZipInfo("bootstrap", (1980, 1, 1, 0, 0, 0))
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, binary.read_bytes())
    return buffer.getvalue()


def upload_functions(template: Template, endpoint: str) -> None:
    """Uploads the binaries and writes their places into the template."""
    s3 = client("s3", endpoint)
    s3.create_bucket(Bucket=ARTIFACTS)
    for name, function in functions(template).items():
        path = binary_of(function)
        if not path.exists():
            raise DeployError(f"{path} does not exist: run `make build`")
        body = package(path)
        key = f"{function}-{hashlib.sha256(body).hexdigest()[:16]}.zip"
        s3.put_object(Bucket=ARTIFACTS, Key=key, Body=body)
        resource = template["Resources"][name]
        resource["Properties"]["CodeUri"] = f"s3://{ARTIFACTS}/{key}"
        del resource["Metadata"]


def upload_template(template: Template, endpoint: str) -> str:
    """Uploads the template and returns its URL, because a request holds a template of 51,200 bytes at most."""
    key = "template.json"
    client("s3", endpoint).put_object(Bucket=ARTIFACTS, Key=key, Body=json.dumps(template).encode())
    return f"{endpoint}/{ARTIFACTS}/{key}"


def wait_for_stack(cloudformation: Any, template_url: str, parameters: dict[str, str]) -> dict[str, Any]:
    """Lets CloudFormation create all resources. Returns the description of the complete stack."""
    cloudformation.create_stack(
        StackName=STACK_NAME,
        TemplateURL=template_url,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    deadline = time.monotonic() + DEPLOY_SECONDS
    while True:
        stack: dict[str, Any] = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"][0]
        status = stack["StackStatus"]
        if status == "CREATE_COMPLETE":
            return stack
        if not status.endswith("IN_PROGRESS"):
            raise DeployError("\n".join([f"the stack is {status}", *causes(cloudformation)]))
        if time.monotonic() > deadline:
            raise DeployError(f"the stack is still {status} after {DEPLOY_SECONDS} s")
        time.sleep(0.1)


def causes(cloudformation: Any) -> list[str]:
    """Returns which resources failed, and why."""
    events = cloudformation.describe_stack_events(StackName=STACK_NAME)["StackEvents"]
    return [
        f"  {event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
        for event in events
        if event["ResourceStatus"].endswith("FAILED")
    ]


def copy_tables(emulator: str, dynamodb: str, outputs: dict[str, str]) -> None:
    """Creates the deployed tables, which are empty, also in the DynamoDB at the address `dynamodb`."""
    source, target = client("dynamodb", emulator), client("dynamodb", dynamodb)
    for output in TABLES:
        table = source.describe_table(TableName=outputs[output])["Table"]
        request = {key: table[key] for key in TABLE_KEYS} | {"BillingMode": "PAY_PER_REQUEST"}
        if indexes := table.get("GlobalSecondaryIndexes"):
            request["GlobalSecondaryIndexes"] = [{key: index[key] for key in INDEX_KEYS} for index in indexes]
        target.create_table(**request)
