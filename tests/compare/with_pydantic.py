"""Checks the rows of a CSV file with Python's csv module and pydantic: `with_pydantic.py FILE RESULT STATES`.

It does what its author needs an afternoon for: required columns, and a rule for each of them. It expects exactly the
header below. It does not understand other headers, separators and encodings, does not notice a row that swallows the
next one after a missing quote, and knows no placeholders (`none`), damaged text, warnings, second addresses or
duplicate rows.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

TODAY = datetime.now(UTC).date()
STATES: dict[str, str] = json.loads(Path(sys.argv[3]).read_text())
GENDERS = {"m": "M", "male": "M", "f": "F", "female": "F", "o": "O", "other": "O", "u": "U", "unknown": "U"}
YEAR_FIRST = re.compile(r"(\d{4})([-/]?)(\d\d?)\2(\d\d?)(?:T.*)?")
YEAR_LAST = re.compile(r"(\d\d?)([-/])(\d\d?)\2(\d{4})")


def with_letter(text: str) -> str:
    """Refuses a name without a letter."""
    if not any(map(str.isalpha, text)):
        raise ValueError("no letter")
    return text


def read_date(text: str) -> date:
    """Reads a date with the year first, or the month first."""
    text = text.strip()
    if found := YEAR_FIRST.fullmatch(text):
        year, month, day = found[1], found[3], found[4]
    elif found := YEAR_LAST.fullmatch(text):
        month, day, year = found[1], found[3], found[4]
    else:
        raise ValueError("not a date")
    result = date(int(year), int(month), int(day))
    if not date(1900, 1, 1) <= result <= TODAY:
        raise ValueError("out of range")
    return result


def read_gender(text: str) -> str:
    """Reads a code or a word."""
    if found := GENDERS.get(text.strip().lower()):
        return found
    raise ValueError("not a gender")


def read_state(text: str) -> str:
    """Reads the code or the name of a state."""
    if found := STATES.get(text.strip().upper()):
        return found
    raise ValueError("not a state")


def read_zip(text: str) -> str:
    """Cuts a zip code to five digits, and restores the leading zeros that a spreadsheet dropped."""
    found = re.fullmatch(r"(\d{3,5})(?:-\d{4})?", text.strip())
    if not found or found[1] == "00000":
        raise ValueError("not a zip code")
    return found[1].zfill(5)


def read_phone(text: str) -> str | None:
    """Reads ten digits with any punctuation, and drops an extension."""
    if not text.strip():
        return None
    digits = re.sub(r"\D", "", re.sub(r"(?:x|ext\.?)\s*\d+\s*$", "", text, flags=re.IGNORECASE))
    if found := re.fullmatch(r"1?(\d{10})", digits):
        return found[1]
    raise ValueError("not a phone number")


def read_email(text: str) -> str | None:
    """Reads an address with a dotted domain."""
    text = text.strip().lower()
    if not text:
        return None
    if re.fullmatch(r"[^@\s,;]+@[^@\s,;]+\.[a-z]{2,}", text):
        return text
    raise ValueError("not an email address")


def read_ssn(text: str) -> str | None:
    """Reads nine digits that can have been issued."""
    if not text.strip():
        return None
    found = re.fullmatch(r"(?!000|666|9)(\d{3})-?(?!00)(\d\d)-?(?!0000)(\d{4})", text.strip())
    if found:
        return "".join(found.groups())
    raise ValueError("not a social security number")


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Name = Annotated[Text, AfterValidator(with_letter)]


class Patient(BaseModel):
    """A row, by the names of its header."""

    model_config = ConfigDict(str_strip_whitespace=True)

    external_id: str = Field(alias="externalId", max_length=255)
    first_name: Name = Field(alias="First Name")
    last_name: Name = Field(alias="Last Name")
    dob: Annotated[date, BeforeValidator(read_date)] = Field(alias="DOB")
    gender: Annotated[str, BeforeValidator(read_gender)] = Field(alias="Gender")
    address_line1: Text = Field(alias="Address Line 1")
    address_line2: str = Field(alias="Address Line 2")
    city: Text = Field(alias="City")
    state: Annotated[str, BeforeValidator(read_state)] = Field(alias="State")
    zip: Annotated[str, BeforeValidator(read_zip)] = Field(alias="Zip")
    phone: Annotated[str | None, BeforeValidator(read_phone)] = Field(alias="Phone-1")
    email: Annotated[str | None, BeforeValidator(read_email)] = Field(alias="Email")
    ssn: Annotated[str | None, BeforeValidator(read_ssn)] = Field(alias="SSN")


def reason(error: ValidationError) -> str:
    """Returns the problems of a row, each with its column."""
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{problem['loc'][0]}: {problem['msg']}" for problem in problems)


def main() -> None:
    """Writes the result file, and prints how many rows are good and bad."""
    good = bad = 0
    with (
        Path(sys.argv[1]).open(newline="", encoding="utf-8-sig") as file,
        Path(sys.argv[2]).open("w", newline="", encoding="utf-8") as result,
    ):
        reader = csv.DictReader(file)
        writer = csv.DictWriter(result, [*(reader.fieldnames or ()), "status", "reason"])
        writer.writeheader()
        for row in reader:
            try:
                Patient.model_validate(row)
            except ValidationError as error:
                bad += 1
                writer.writerow({**row, "status": "failed", "reason": reason(error)})
            else:
                good += 1
                writer.writerow({**row, "status": "succeeded", "reason": ""})
    print(json.dumps({"good": good, "bad": bad}))


if __name__ == "__main__":
    main()
