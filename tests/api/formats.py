"""Values of the formats that the API's description names, for schemathesis to send.

A pattern cannot say what a name or an NPI is, so the description names a format, and this module generates values of
it. If the API refuses one of these values, the description or the API is wrong.
"""

from __future__ import annotations

import base64
import datetime
import http
import os
from urllib.parse import unquote

import schemathesis
from hypothesis import strategies as st

LETTERS = st.characters(categories=["Lu", "Ll"])
DIGITS = st.sampled_from("0123456789")
UNKNOWN_HEADER = "x-schemathesis-unknown-property"


def text_of(letters: st.SearchStrategy[str], least: int, most: int) -> st.SearchStrategy[str]:
    """Returns texts of these letters that have between `least` and `most` of them."""
    return st.text(letters, min_size=least, max_size=most)


def npi(nine: str) -> str:
    """Returns an NPI: nine digits and their check digit."""
    digits = [int(digit) for digit in "80840" + nine]
    doubled = [digit * 2 if place % 2 == 0 else digit for place, digit in enumerate(reversed(digits))]
    return nine + str(-sum(digit // 10 + digit % 10 for digit in doubled) % 10)


FORMATS: dict[str, st.SearchStrategy[str]] = {
    "names": st.lists(text_of(LETTERS, 1, 12), min_size=1, max_size=3).map(" ".join),
    "address-text": st.lists(text_of(LETTERS | DIGITS, 1, 12), min_size=1, max_size=3).map(" ".join),
    "date": st.dates(datetime.date(1900, 1, 1), datetime.date(2020, 12, 31)).map(str),
    "gender": st.sampled_from(["M", "F", "O", "U", "male", "Female", "OTHER", "unknown"]),
    "state": st.sampled_from(["MA", "ca", "New York", "puerto rico", "DC"]),
    "zip": text_of(DIGITS, 5, 5).filter(lambda zip_code: zip_code != "00000"),
    "phone": text_of(DIGITS, 9, 9).map("6{}".format),
    "patient-email": text_of(st.sampled_from("abcxyz"), 1, 12).map("{}@example.com".format),
    "ssn": text_of(DIGITS, 4, 4).filter(lambda serial: serial != "0000").map("12312{}".format),
    "license-number": text_of(LETTERS | DIGITS, 1, 12),
    "npi": text_of(DIGITS, 9, 9).map(npi),
    "external-id": text_of(LETTERS, 1, 20),
    # No server listens there, and the answer says so.
    "webhook-url": st.just("https://127.0.0.1:9/hook"),
    "tin": text_of(DIGITS, 9, 9),
    # No two are about the same column or header cell.
    "column-mapping": st.sampled_from(
        ["dob:Born", "city:Town", "zip-2:Other Zip", "phone:Télé: privé", "state:Province"]
    ),
    "sha256-base64": st.binary(min_size=32, max_size=32).map(lambda digest: base64.b64encode(digest).decode()),
}


def filter_case(_: schemathesis.HookContext, case: schemathesis.Case) -> bool:
    """Leaves out calls that say nothing about the description.

    An empty value in a query counts as a missing value, and an empty list or object becomes an empty value. An unknown
    header is ignored, as RFC 9110 requires in section 5.1. The emulator decodes a path before it looks for the query,
    so that a question mark in an id ends the path.
    """
    query, headers = dict(case.query or {}), dict(case.headers or {})
    empty = any(value in ("", {}, [], None) for value in query.values())
    if any("?" in unquote(str(value)) for value in dict(case.path_parameters or {}).values()):
        return False
    # No description says that one parameter excludes another, or comes before it.
    if query.get("fromItem") and query.get("toItem"):
        return False
    if query.get("dateFrom") and query.get("dateTo") and str(query["dateFrom"]) > str(query["dateTo"]):
        return False
    body = case.body if isinstance(case.body, dict) else {}
    names_patients = case.path.endswith("/cohort/{id}/patient") and case.method.upper() != "GET"
    if names_patients and bool(body.get("patientIds")) == bool(body.get("allPatients")):
        return False
    # Nor that a list has at most one item of each type.
    identifiers = body.get("personalIdentifiers")
    types = (
        [item.get("type") for item in identifiers if isinstance(item, dict)] if isinstance(identifiers, list) else []
    )
    if len(types) > len({str(kind) for kind in types}):
        return False
    return not empty and all(str(value).strip() for value in headers.values()) and UNKNOWN_HEADER not in headers


#: Calls that must name a facility as soon as the customer has several. Other calls create more and more of them.
NAMES_FACILITY = ("/patient/bulk", "/document/query")


def before_call(_: schemathesis.HookContext, case: schemathesis.Case, __: dict[str, object]) -> None:
    """Names a facility in each call that needs one."""
    if case.method.upper() == "POST" and case.path.endswith(NAMES_FACILITY):
        case.query = dict(case.query or {})
        case.query["facilityId"] = case.query.get("facilityId") or os.environ["FACILITY"]


def after_call(_: schemathesis.HookContext, __: schemathesis.Case, response: schemathesis.Response) -> None:
    """Takes the media type from an answer without a body, to which API Gateway adds `application/json`."""
    if response.status_code == http.HTTPStatus.NO_CONTENT:
        response.headers.pop("content-type", None)


for name, values in FORMATS.items():
    schemathesis.openapi.format(name, values)
for hook in (filter_case, before_call, after_call):
    schemathesis.hook(hook)
