"""Checks the rows of a CSV file with polars: `with_polars.py FILE RESULT STATES`.

It does what its author needs an afternoon for: required columns, and a rule for each of them. It expects exactly the
header below. It does not understand other headers, separators and encodings, fails as a whole where a row has too many
cells or a misplaced quote, and knows no placeholders (`none`), damaged text, warnings, second addresses or duplicate
rows.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

TODAY = datetime.now(UTC).date()
STATES = json.loads(Path(sys.argv[3]).read_text())
LONGEST_ID = 255
GENDERS = ["m", "male", "f", "female", "o", "other", "u", "unknown"]


def cell(name: str) -> pl.Expr:
    """Returns the text of a column without the spaces around it."""
    return pl.col(name).fill_null("").str.strip_chars()


def dob() -> pl.Expr:
    """Reads a date with the year first, or the month first."""
    text = cell("DOB").str.replace("T.*$", "")
    formats = ["%Y-%m-%d", "%Y/%m/%d", "%m/%d/%Y", "%m-%d-%Y"]
    eight_digits = pl.when(text.str.contains(r"^\d{8}$")).then(text).str.to_date("%Y%m%d", strict=False)
    return pl.coalesce(*(text.str.to_date(form, strict=False) for form in formats), eight_digits)


def phone_digits() -> pl.Expr:
    """Returns the digits of a phone number without its extension."""
    return cell("Phone-1").str.replace(r"(?i)(x|ext\.?)\s*\d+\s*$", "").str.replace_all(r"\D", "")


def ssn_is_valid() -> pl.Expr:
    """Returns whether a text is nine digits that can have been issued."""
    text = cell("SSN").str.replace_all("-", "", literal=True)
    return (
        cell("SSN").str.contains(r"^\d{3}-?\d\d-?\d{4}$")
        & ~text.str.contains(r"^(000|666|9)")
        & ~text.str.contains(r"^\d{3}00|0000$")
    )


def rules() -> dict[str, pl.Expr]:
    """Returns what is wrong with each column, as a condition."""
    return {
        "externalId": cell("externalId").str.len_chars() > LONGEST_ID,
        "First Name": ~cell("First Name").str.contains(r"\p{L}"),
        "Last Name": ~cell("Last Name").str.contains(r"\p{L}"),
        "DOB": ~dob().is_between(date(1900, 1, 1), TODAY).fill_null(value=False),
        "Gender": ~cell("Gender").str.to_lowercase().is_in(GENDERS),
        "Address Line 1": cell("Address Line 1") == "",
        "City": cell("City") == "",
        "State": ~cell("State").str.to_uppercase().is_in(list(STATES)),
        "Zip": ~(cell("Zip").str.contains(r"^\d{3,5}(-\d{4})?$") & ~cell("Zip").str.starts_with("00000")),
        "Phone-1": (cell("Phone-1") != "") & ~phone_digits().str.contains(r"^1?\d{10}$"),
        "Email": (cell("Email") != "") & ~cell("Email").str.contains(r"^[^@\s,;]+@[^@\s,;]+\.[A-Za-z]{2,}$"),
        "SSN": (cell("SSN") != "") & ~ssn_is_valid(),
    }


def main() -> None:
    """Writes the result file, and prints how many rows are good and bad."""
    problems = [pl.when(wrong).then(pl.lit(f"{name}: not valid")) for name, wrong in rules().items()]
    reason = pl.concat_str(problems, separator="; ", ignore_nulls=True)
    rows = pl.scan_csv(sys.argv[1], infer_schema=False).with_columns(reason=reason)
    status = pl.when(pl.col("reason") == "").then(pl.lit("succeeded")).otherwise(pl.lit("failed"))
    result = rows.with_columns(status=status).collect(engine="streaming")
    result.write_csv(sys.argv[2])
    good = int((result["status"] == "succeeded").sum())
    print(json.dumps({"good": good, "bad": result.height - good}))


if __name__ == "__main__":
    main()
