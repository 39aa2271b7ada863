"""Prints the patients of a customer on a local stack, and inconsistencies: `python -m tests.e2e.stored CUSTOMER`.

An identity can name a patient who is not stored, so that a later row would be added to no record. A stored patient can
be named by no identity, so that a later row would create a second record. Both are searched for over all customers.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from local_stack.aws import client
from local_stack.description import Stack


def scan(dynamodb: Any, table: str, kind: str) -> Iterator[dict[str, Any]]:
    """Yields all items of a kind."""
    values = {":kind": {"S": kind}}
    pages = dynamodb.get_paginator("scan")
    for page in pages.paginate(TableName=table, FilterExpression="sk = :kind", ExpressionAttributeValues=values):
        yield from page["Items"]


def summary(customer: str, patients: set[str], identities: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Returns the ids of the customer's patients, of missing patients, and of patients without an identity.

    `patients` are partition keys, and `identities` are documents.
    """
    ids = {key.split("#", 1)[1] for key in patients}
    known = {person["id"] for document in identities for person in document["people"]}
    return {
        "patients": sorted(key.split("#", 1)[1] for key in patients if key.startswith(f"{customer}#")),
        "ghosts": sorted(known - ids),
        "nameless": sorted(ids - known),
    }


def main() -> int:
    """Prints the summary as JSON."""
    stack = Stack.current()
    dynamodb, table = client("dynamodb", stack.endpoint), stack.outputs["PatientsTable"]
    patients = {item["pk"]["S"] for item in scan(dynamodb, table, "patient")}
    identities = [json.loads(item["doc"]["S"]) for item in scan(dynamodb, table, "identity")]
    print(json.dumps(summary(sys.argv[1], patients, identities)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
