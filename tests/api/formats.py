"""Values of the formats that the API's description names, for schemathesis to send.

A pattern cannot say what a name or an NPI is. So the description names a format, and here are values of it: if the
API refuses one of these, the description or the API is wrong.
"""

from __future__ import annotations

import datetime

import schemathesis
from hypothesis import strategies as st

LETTERS = st.characters(categories=["Lu", "Ll"])
DIGITS = st.sampled_from("0123456789")


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
    # The second is where nobody listens: the answer says so.
    "webhook-url": st.sampled_from(["", "https://127.0.0.1:9/hook"]),
    "tin": text_of(DIGITS, 9, 9),
}

for name, values in FORMATS.items():
    schemathesis.openapi.format(name, values)
