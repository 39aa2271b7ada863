"""Deploys the project's template.yaml to the emulator, with the binaries of `make build`."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import time
import zipfile
from pathlib import Path
from typing import Any

import yaml
from botocore.exceptions import BotoCoreError, ClientError

from aws import client
from paths import BINARIES, TEMPLATE

STACK_NAME = "bulk-import"
ARTIFACTS = "deployment-artifacts"
DEPLOY_SECONDS = 120
METHODS = ("get", "post", "put", "delete", "patch", "head", "options")


class DeployError(Exception):
    """The template was not deployed; says which resource and why."""


class TemplateLoader(yaml.SafeLoader):
    """Reads CloudFormation's short forms: `!Ref x`, `!GetAtt a.b`, `!Sub …`."""


def _short_form(loader: TemplateLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    else:
        raise TypeError(f"a short form of a {type(node).__name__}")
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


TemplateLoader.add_multi_constructor("!", _short_form)


def load_template(path: Path = TEMPLATE) -> dict[str, Any]:
    """The template, short forms written out."""
    return yaml.load(path.read_text(), Loader=TemplateLoader)


def functions(template: dict[str, Any]) -> dict[str, str]:
    """The binary of each function."""
    return {
        name: resource["Metadata"]["BuildProperties"]["Binary"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def build() -> str:
    """Changes whenever something that is deployed does."""
    digest = hashlib.sha256(TEMPLATE.read_bytes())
    for binary in sorted(functions(load_template()).values()):
        path = BINARIES / binary
        if path.exists():
            digest.update(f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}".encode())
    return digest.hexdigest()


def host_architecture() -> str:
    """The processor of this machine, as the template's parameter names it."""
    return "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"


def adapt(template: dict[str, Any], parameters: dict[str, str], visibility: int | None = None) -> None:
    """Changes the template in the few places where the emulator reads it otherwise than AWS does.

    Everything that is not named here is deployed as it stands. `visibility`, in seconds, is for tests that kill
    functions and do not want to wait for the minutes that AWS advises.
    """
    # Neither the emulator nor the sandbox gateway has a certificate: the template takes https only.
    del template["Resources"]["FilesPolicy"]
    del template["Parameters"]["GatewayUrl"]["AllowedPattern"]
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        if visibility is not None and resource["Type"] == "AWS::SQS::Queue" and "RedrivePolicy" in properties:
            properties["VisibilityTimeout"] = min(visibility, properties["VisibilityTimeout"])
        # Numbers from parameters arrive as text, which AWS takes and the emulator does not.
        for event in properties.get("Events", {}).values() if isinstance(properties, dict) else ():
            scaling = event["Properties"].get("ScalingConfig", {})
            if isinstance(value := scaling.get("MaximumConcurrency"), dict):
                scaling["MaximumConcurrency"] = int(parameters[value["Ref"]])
        # `ANY` in an API's definition is not understood: every method by itself is.
        for path in properties.get("DefinitionBody", {}).get("paths", {}).values():
            if any_method := path.pop("x-amazon-apigateway-any-method", None):
                path.update({method: any_method for method in METHODS})
        # AWS asks for sqs:SendMessage where a batch is sent, the emulator for an action of the call's name.
        for policy in properties.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                if "sqs:SendMessage" in statement.get("Action", ()):
                    statement["Action"].append("sqs:SendMessageBatch")


def zip_of(binary: Path) -> bytes:
    """A deployment package: the binary as `bootstrap`, executable."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        entry = zipfile.ZipInfo("bootstrap", (1980, 1, 1, 0, 0, 0))
        entry.external_attr = 0o755 << 16
        archive.writestr(entry, binary.read_bytes())
    return buffer.getvalue()


def upload_functions(template: dict[str, Any], endpoint: str) -> None:
    """Uploads the binaries and points the functions at them."""
    s3 = client("s3", endpoint)
    s3.create_bucket(Bucket=ARTIFACTS)
    for name, binary in functions(template).items():
        path = BINARIES / binary
        if not path.exists():
            raise DeployError(f"{path} does not exist: run `make build`")
        package = zip_of(path)
        key = f"{binary}-{hashlib.sha256(package).hexdigest()[:16]}.zip"
        s3.put_object(Bucket=ARTIFACTS, Key=key, Body=package)
        resource = template["Resources"][name]
        resource["Properties"]["CodeUri"] = f"s3://{ARTIFACTS}/{key}"
        del resource["Metadata"]


def deploy(endpoint: str, given: dict[str, str], visibility: int | None = None) -> dict[str, str]:
    """Creates the stack and gives its outputs."""
    template = load_template()
    parameters = {
        name: str(parameter["Default"]) for name, parameter in template["Parameters"].items() if "Default" in parameter
    }
    if unknown := given.keys() - template["Parameters"].keys():
        raise DeployError(f"template.yaml has no parameter {', '.join(sorted(unknown))}")
    few = dict.fromkeys(("SmallImportConcurrency", "MediumImportConcurrency", "ImportConcurrency"), "4")
    parameters |= {"Architecture": host_architecture()} | few | given
    adapt(template, parameters, visibility)
    try:
        upload_functions(template, endpoint)
        url = upload_template(template, endpoint)
        stack = create_stack(client("cloudformation", endpoint), url, parameters)
    except (BotoCoreError, ClientError) as error:
        raise DeployError(str(error)) from error
    return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}


def upload_template(template: dict[str, Any], endpoint: str) -> str:
    """Uploads the template, as SAM does, and gives its URL: a request holds 51,200 bytes of a template at most."""
    key = "template.json"
    client("s3", endpoint).put_object(Bucket=ARTIFACTS, Key=key, Body=json.dumps(template).encode())
    return f"{endpoint}/{ARTIFACTS}/{key}"


def create_stack(cloudformation: Any, template_url: str, parameters: dict[str, str]) -> dict[str, Any]:
    """Has CloudFormation create everything, waits for it, and gives the stack's description."""
    cloudformation.create_stack(
        StackName=STACK_NAME,
        TemplateURL=template_url,
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    deadline = time.monotonic() + DEPLOY_SECONDS
    while True:
        stack = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"][0]
        if not stack["StackStatus"].endswith("IN_PROGRESS"):
            break
        if time.monotonic() > deadline:
            raise DeployError(f"the stack is still {stack['StackStatus']} after {DEPLOY_SECONDS} s")
        time.sleep(0.1)
    if stack["StackStatus"] != "CREATE_COMPLETE":
        events = cloudformation.describe_stack_events(StackName=STACK_NAME)["StackEvents"]
        causes = [
            f"  {event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
            for event in events
            if event["ResourceStatus"].endswith("FAILED")
        ]
        raise DeployError("\n".join([f"the stack is {stack['StackStatus']}", *causes]))
    return stack
