"""What is deployed is the project's template, except where the emulator reads it differently from AWS."""

from __future__ import annotations

import argparse

import pytest

from local_stack.cli import stack_name
from local_stack.paths import PROJECT, binary_of
from local_stack.template import INSERT, METHODS, Template, adapt, functions, load_template

CHANGED_TYPES = {
    "AWS::Serverless::Api",
    "AWS::Serverless::Function",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Role",
    "AWS::S3::BucketPolicy",
    "AWS::SQS::QueuePolicy",
}


def adapted(visibility: int | None = None) -> Template:
    """Returns the template with the changes for the emulator."""
    template = load_template()
    adapt(
        template,
        "http://127.0.0.1:4566",
        {name: str(one.get("Default")) for name, one in template["Parameters"].items()},
        visibility,
    )
    return template


def changed(before: Template, after: Template) -> dict[str, str]:
    """Returns the types of the resources that differ, by their names."""
    resources = before["Resources"].items()
    return {name: one["Type"] for name, one in resources if one != after["Resources"].get(name)}


def test_the_template_has_the_function_of_each_folder() -> None:
    folders = {path.name for path in (PROJECT / "functions").iterdir()}
    assert set(functions(load_template()).values()) == folders


@pytest.mark.parametrize("name", functions(load_template()))
def test_sam_builds_the_binary_that_the_local_stack_runs(name: str) -> None:
    template = load_template()
    built = template["Resources"][name]["Metadata"]["BuildProperties"]["Binary"]
    assert binary_of(functions(template)[name]).name == built


def test_only_types_of_resources_that_the_emulator_misreads_are_changed() -> None:
    types = changed(load_template(), adapted())
    assert "RestApi" in types
    assert set(types.values()) <= CHANGED_TYPES


def test_the_api_answers_each_method() -> None:
    (path,) = adapted()["Resources"]["RestApi"]["Properties"]["DefinitionBody"]["paths"].values()
    assert set(path) == set(METHODS)


def test_a_visibility_timeout_is_shortened_for_queues_that_functions_read_only() -> None:
    short = adapted(visibility=10)
    queues = changed(adapted(), short)
    assert {"SmallJobChunks", "LargeJobChunks", "Finished", "Uploads"} <= queues.keys()
    for name in queues:
        properties = short["Resources"][name]["Properties"]
        assert properties["VisibilityTimeout"] == 10
        assert "RedrivePolicy" in properties


def test_the_name_of_a_stack_can_be_the_name_of_a_folder() -> None:
    assert stack_name("test-2") == "test-2"


@pytest.mark.parametrize("name", ["", "../x", "a/b", "A", "-a", "a b"])
def test_any_other_name_of_a_stack_is_refused(name: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError):
        stack_name(name)


def test_functions_that_insert_items_by_statements_may_execute_batches_and_no_others_may() -> None:
    batch = {"Effect": "Allow", "Action": ["dynamodb:BatchExecuteStatement"], "Resource": "*"}
    roles = {
        name: [one for policy in role["Properties"]["Policies"] for one in policy["PolicyDocument"]["Statement"]]
        for name, role in adapted()["Resources"].items()
        if role["Type"] == "AWS::IAM::Role"
    }
    inserting = {name for name, of in roles.items() if any(INSERT in one["Action"] for one in of if "Action" in one)}
    assert {name for name, of in roles.items() if batch in of} == inserting != set()
