"""Values of the formats that the API's description names, for schemathesis to send.

A pattern cannot say what a name or an NPI is. So the description names a format, and here are values of it: if the
API refuses one of these, the description or the API is wrong.
"""

from __future__ import annotations

import base64
import datetime
import os

import schemathesis
from hypothesis import strategies as st

LETTERS = st.characters(categories=["Lu", "Ll"])
DIGITS = st.sampled_from("0123456789")
UNKNOWN_HEADER = "x-schemathesis-unknown-property"


def text_of(letters: st.SearchStrategy[str], least: int, most: int) -> st.SearchStrategy[str]:
    return st.text(letters, min_size=least, max_size=most)


def npi(nine: str) -> str:
    """An NPI: nine digits and the digit that checks them."""
    digits = [int(digit) for digit in "80840" + nine]
    doubled = [digit * 2 if place % 2 == 0 else digit for place, digit in enumerate(reversed(digits))]
    return nine + str(-sum(digit // 10 + digit % 10 for digit in doubled) % 10)


FORMATS: dict[str, st.SearchStrategy[str]] = {
    "names": st.lists(text_of(LETTERS, 1, 12), min_size=1, max_size=3).map(" ".join),
    "date": st.dates(datetime.date(1900, 1, 1), datetime.date(2020, 12, 31)).map(str),
    "gender": st.sampled_from(["M", "F", "O", "U", "male", "Female", "OTHER", "unknown"]),
    "state": st.sampled_from(["MA", "ca", "New York", "puerto rico", "DC"]),
    "zip": text_of(DIGITS, 5, 5).filter(lambda zip_code: zip_code != "00000"),
    "npi": text_of(DIGITS, 9, 9).map(npi),
    "external-id": text_of(LETTERS, 1, 20),
    # Where nobody listens: the answer says so.
    "webhook-url": st.just("https://127.0.0.1:9/hook"),
    "tin": text_of(DIGITS, 9, 9),
    "sha256-base64": st.binary(min_size=32, max_size=32).map(lambda digest: base64.b64encode(digest).decode()),
}

for name, values in FORMATS.items():
    schemathesis.openapi.format(name, values)


@schemathesis.hook
def filter_case(_: schemathesis.HookContext, case: schemathesis.Case) -> bool:
    """Leaves out what says nothing about the description. What is empty in a query is as if it were left out, and a
    list or an object without anything in it turns into that; a header that nobody knows is nobody's business (RFC
    9110, section 5.1)."""
    query, headers = dict(case.query or {}), dict(case.headers or {})
    empty = any(value in ("", {}, [], None) for value in query.values())
    return not empty and all(str(value).strip() for value in headers.values()) and UNKNOWN_HEADER not in headers


#: Calls that have to name a facility as soon as there are several, and calls make more and more of them.
NAMES_FACILITY = ("/patient/bulk", "/document/query")


@schemathesis.hook
def before_call(_: schemathesis.HookContext, case: schemathesis.Case, __: dict[str, object]) -> None:
    if case.method.upper() == "POST" and case.path.endswith(NAMES_FACILITY):
        case.query = dict(case.query or {})
        case.query["facilityId"] = case.query.get("facilityId") or os.environ["FACILITY"]
