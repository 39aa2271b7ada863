"""Prints whom a local stack's patients table holds: the patients of a customer, and what does not fit together.

A ghost is somebody whom an identity names and who is not there, so that a later row would go to nobody; a nameless
patient is one whom no identity names, so that a later row would make a second one. Both over all customers.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aws import client


def scan(dynamodb: Any, table: str, kind: str) -> Iterator[dict[str, Any]]:
    """All items of a kind."""
    values = {":kind": {"S": kind}}
    pages = dynamodb.get_paginator("scan")
    for page in pages.paginate(TableName=table, FilterExpression="sk = :kind", ExpressionAttributeValues=values):
        yield from page["Items"]


def summary(customer: str, patients: set[str], identities: list[dict[str, Any]]) -> dict[str, list[str]]:
    """What there is of the customer; `patients` are partition keys, `identities` documents."""
    ids = {key.split("#", 1)[1] for key in patients}
    known = {person["id"] for document in identities for person in document["people"]}
    return {
        "patients": sorted(key.split("#", 1)[1] for key in patients if key.startswith(f"{customer}#")),
        "ghosts": sorted(known - ids),
        "nameless": sorted(ids - known),
    }


def main() -> int:
    stack = json.loads(Path(os.environ["STACK"]).read_text())
    dynamodb, table = client("dynamodb", stack["endpoint"]), stack["outputs"]["PatientsTable"]
    patients = {item["pk"]["S"] for item in scan(dynamodb, table, "patient")}
    identities = [json.loads(item["doc"]["S"]) for item in scan(dynamodb, table, "identity")]
    print(json.dumps(summary(sys.argv[1], patients, identities)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
