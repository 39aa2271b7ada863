"""Prints the patients of a customer on a local stack, and inconsistencies: `python -m tests.e2e.stored CUSTOMER`.

A stored patient can be missing from the list of all patients, or under its external id, so that no call finds it there.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
import uuid
from collections.abc import Iterator
from typing import Any

from local_stack.aws import client
from local_stack.description import Stack


def scan(dynamodb: Any, table: str, partition: str) -> Iterator[dict[str, Any]]:
    """Yields all items with partition keys that begin like this."""
    values = {":begin": {"S": partition}}
    pages = dynamodb.get_paginator("scan")
    for page in pages.paginate(
        TableName=table, FilterExpression="begins_with(pk, :begin)", ExpressionAttributeValues=values
    ):
        yield from page["Items"]


def patients_of(people: list[str]) -> dict[str, str | None]:
    """Returns the external id of each patient, by the patient's id, from the documents of persons."""
    known = [identity for person in people for identity in json.loads(person)["p"]]
    return {
        str(uuid.UUID(bytes=base64.urlsafe_b64decode(patient["i"] + "=="))): patient.get("x")
        for identity in known
        for patient in identity["p"]
    }


def ids(roster: bytes) -> set[str]:
    """Returns the patients of a roster entry."""
    return {str(uuid.UUID(bytes=roster[place : place + 16])) for place in range(0, len(roster), 16)}


def summary(
    patients: dict[str, str | None], listed: set[str], entries: set[tuple[str, str]], hash_key: bytes
) -> dict[str, list[str]]:
    """Returns the patients, those that are not listed, and those without an entry under their external id.

    `entries` are hashes of external ids with patients.
    """

    def is_entered(patient: str, external_id: str | None) -> bool:
        if external_id is None:
            return True
        code = hmac.new(hash_key, b"externalId" + external_id.encode(), hashlib.sha256)
        return (code.hexdigest()[:32], patient) in entries

    return {
        "patients": sorted(patients),
        "unlisted": sorted(set(patients) - listed),
        "unentered": sorted(patient for patient, known in patients.items() if not is_entered(patient, known)),
    }


def main() -> int:
    """Prints the summary as JSON."""
    customer, stack = sys.argv[1], Stack.current()
    dynamodb = client("dynamodb", stack.endpoint)
    items = list(scan(dynamodb, stack.outputs["PatientsTable"], f"{customer}#"))
    people = [item["doc"]["S"] for item in items if item["sk"]["S"] == "person"]
    roster = [item["patients"]["B"] for item in items if item["pk"]["S"] == f"{customer}#roster"]
    entries = {
        (item["pk"]["S"].split("#", 1)[1], item["patient"]["S"])
        for item in scan(dynamodb, stack.outputs["ExternalIdsTable"], f"{customer}#")
    }
    directory = scan(dynamodb, stack.outputs["DirectoryTable"], f"customer#{customer}")
    hash_key = next(item["hashKey"]["B"] for item in directory if item["sk"]["S"] == "customer")
    listed = set().union(*map(ids, roster))
    print(json.dumps(summary(patients_of(people), listed, entries, hash_key)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
