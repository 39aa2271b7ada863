"""The project's template.yaml: how it is read, and what changes so that the emulator reads it as AWS does."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import yaml

from local_stack.paths import TEMPLATE

#: The path of the API with this id at the emulator.
API_PATH = "/restapis/{id}/live/_user_request_"
METHODS = ("get", "post", "put", "delete", "patch", "head", "options")
#: What the emulator requires beside what AWS requires: for a batch of messages an action named as the call is, and for
#: a batch of versions of objects the right to delete the first of them as if it had no version.
EXTRA_ACTIONS = {"sqs:SendMessage": "sqs:SendMessageBatch", "s3:DeleteObjectVersion": "s3:DeleteObject"}
#: The right to insert items by statements.
INSERT = "dynamodb:PartiQLInsert"

Template = dict[str, Any]


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
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


TemplateLoader.add_multi_constructor("!", _short_form)


def load_template(path: Path = TEMPLATE) -> Template:
    """Returns the template with its short forms written out."""
    template: Template = yaml.load(path.read_text(), Loader=TemplateLoader)  # noqa: S506, it is a SafeLoader
    return template


def functions(template: Template) -> dict[str, str]:
    """Returns the folder of each function below `functions/`, by the function's logical name."""
    return {
        name: Path(resource["Properties"]["CodeUri"]).name
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    }


def host_architecture() -> str:
    """Returns the processor of this machine, as the template's parameter names it."""
    return "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"


def adapt(template: Template, endpoint: str, parameters: dict[str, str], visibility: int | None = None) -> None:
    """Changes the template where the emulator reads it differently from AWS, and nowhere else.

    `endpoint` is the URL of the emulator.

    `visibility` is an upper bound in seconds for the visibility timeout of queues that functions read. Tests that kill
    functions set it, because otherwise they would wait for the minutes that AWS recommends.
    """
    # Neither the emulator nor the sandbox gateway has a certificate, and the template takes https only.
    del template["Resources"]["FilesPolicy"]
    del template["Resources"]["QueuesPolicy"]
    del template["Parameters"]["GatewayUrl"]["AllowedPattern"]
    # The emulator serves all APIs at its own address.
    variables = template["Resources"]["DeliverWebhook"]["Properties"]["Environment"]["Variables"]
    variables["API_URL"] = {"Fn::Sub": f"{endpoint}{API_PATH.format(id='${RestApi}')}"}
    # The emulator has no alarms over several metrics, and so none are deployed. The functions write their metrics all
    # the same: `make game-day` compares these with the thresholds of the alarms.
    template["Globals"]["Function"]["Environment"]["Variables"]["METRICS_NAMESPACE"] = {"Ref": "AWS::StackName"}
    # AWS judges the right to add an event by the log stream, and the emulator by the log group.
    (statement,) = template["Resources"]["AuditPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    statement["Resource"]["Fn::Sub"] = statement["Resource"]["Fn::Sub"].split(":log-stream:")[0]
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        if visibility is not None and resource["Type"] == "AWS::SQS::Queue" and "RedrivePolicy" in properties:
            properties["VisibilityTimeout"] = min(visibility, properties["VisibilityTimeout"])
        # A number from a parameter is text, which AWS takes and the emulator does not.
        for event in properties.get("Events", {}).values() if isinstance(properties, dict) else ():
            scaling = event["Properties"].get("ScalingConfig", {})
            if isinstance(value := scaling.get("MaximumConcurrency"), dict):
                scaling["MaximumConcurrency"] = int(parameters[value["Ref"]])
        # The emulator does not know `ANY` in the definition of an API, but it knows each method.
        for path in properties.get("DefinitionBody", {}).get("paths", {}).values():
            if any_method := path.pop("x-amazon-apigateway-any-method", None):
                path.update(dict.fromkeys(METHODS, any_method))
        for policy in properties.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                actions = statement.get("Action", [])
                actions += [extra for action, extra in EXTRA_ACTIONS.items() if action in actions]
            # AWS judges each statement of a batch by its table, and the emulator the batch by no table at all.
            if any(INSERT in statement.get("Action", []) for statement in policy["PolicyDocument"]["Statement"]):
                batch = {"Effect": "Allow", "Action": ["dynamodb:BatchExecuteStatement"], "Resource": "*"}
                policy["PolicyDocument"]["Statement"].append(batch)
