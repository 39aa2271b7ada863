"""Makes the tables that the emulator has in another DynamoDB, too."""

from __future__ import annotations

from typing import Any

from aws import client

KEPT = ("TableName", "KeySchema", "AttributeDefinitions")
KEPT_OF_INDEX = ("IndexName", "KeySchema", "Projection")


def copy_tables(emulator: str, dynamodb: str, outputs: dict[str, str]) -> None:
    """Makes the deployed tables, empty, at the address `dynamodb`."""
    source, target = client("dynamodb", emulator), client("dynamodb", dynamodb)
    for name in ("DirectoryTable", "JobsTable", "PatientsTable"):
        target.create_table(**definition(source.describe_table(TableName=outputs[name])["Table"]))


def definition(table: dict[str, Any]) -> dict[str, Any]:
    """What makes a table like the described one."""
    made = {key: table[key] for key in KEPT} | {"BillingMode": "PAY_PER_REQUEST"}
    if indexes := table.get("GlobalSecondaryIndexes"):
        made["GlobalSecondaryIndexes"] = [{key: index[key] for key in KEPT_OF_INDEX} for index in indexes]
    return made
