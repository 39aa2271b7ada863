"""Writes a realistic sample file: mostly good rows, some with the mistakes that real files have, some people
twice. The same arguments always give the same file."""

from __future__ import annotations

import argparse
import csv
import random
import sys
from collections.abc import Iterator
from pathlib import Path

HEADER = [
    "externalId", "First Name", "Last Name", "DOB", "Gender", "Address Line 1", "Address Line 2", "City", "State",
    "Zip", "Phone-1", "Phone-2", "Email", "SSN", "Cohort", "Facility ID", "hieOptOut", "Notes",
]  # fmt: skip

FIRST = (
    "Ada Amara Ana-Lucía Béla Carlos Chloé Dmitri Elif Fatima Grace Hiroshi Ingrid Jamal José Kateryna Leila "
    "Liam Mai Nia Noah Olivia Priya Quinn Rosa Søren Tomás Uma Víctor Wei Xiomara Yara Zoë Mary-Jane Anne"
).split()
LAST = (
    "Abebe Åkesson Baker Brown Castillo Chen Díaz Dubois Ek Fischer García Haddad Ito Johnson Kowalski Lê López "
    "Martin McDonald Müller Nakamura Nguyen O'Brien Okafor Patel Quispe Rossi Sánchez Smith Tanaka Úbeda Van-Dyke "
    "Wójcik Xu Yilmaz Zhang"
).split()
STREETS = "Main St;Oak Ave;Maple Dr;2nd St;Washington Blvd;Elm Ct;Lake Rd;Park Pl;Sunset Blvd;Highland Ave".split(";")
PLACES = [
    ("Boston", "MA", "Massachusetts", "021"), ("New York", "NY", "New York", "100"),
    ("Austin", "TX", "Texas", "787"), ("San Francisco", "CA", "California", "941"),
    ("Chicago", "IL", "Illinois", "606"), ("Seattle", "WA", "Washington", "981"),
    ("Miami", "FL", "Florida", "331"), ("Denver", "CO", "Colorado", "802"),
    ("Newark", "NJ", "New Jersey", "071"), ("San Juan", "PR", "Puerto Rico", "009"),
]  # fmt: skip
NOTES = ["", "", "", "", "prefers mornings", "allergic to penicillin, see chart", 'goes by "Bo"', "line one\nline two"]

BAD_SHARE = 0.08
TWIN_SHARE = 0.06
OPT_OUT_SHARE = 0.02

Row = dict[str, str]


class People:
    """Draws rows; `chance` decides everything."""

    def __init__(self, chance: random.Random, facilities: list[str], cohorts: list[str]) -> None:
        self.chance, self.facilities, self.cohorts = chance, facilities, cohorts

    def person(self, number: int) -> Row:
        chance = self.chance
        city, state, state_name, zip_start = chance.choice(PLACES)
        year, month, day = chance.randint(1930, 2024), chance.randint(1, 12), chance.randint(1, 28)
        first, last = chance.choice(FIRST), chance.choice(LAST)
        row = dict.fromkeys(HEADER, "")
        row |= {
            "externalId": f"MRN-{number:07}",
            "First Name": chance.choice([first, first, first.upper(), f"{first} {chance.choice(FIRST)}"]),
            "Last Name": chance.choice([last, last, last.upper()]),
            "DOB": chance.choice(
                [f"{year}-{month:02}-{day:02}"] * 3
                + [f"{month}/{day}/{year}", f"{year}{month:02}{day:02}", f"{year}-{month:02}-{day:02}T00:00:00Z"]
            ),
            "Gender": chance.choice(["M", "F", "M", "F", "male", "Female", "O", "U"]),
            "Address Line 1": f"{chance.randint(1, 9999)} {chance.choice(STREETS)}",
            "Address Line 2": chance.choice(["", "", "", f"Apt {chance.randint(1, 60)}", "#4, rear"]),
            "City": city,
            "State": chance.choice([state, state, state, state_name, state.lower()]),
            "Zip": self.zip(zip_start),
            "Phone-1": self.phone(),
            "Phone-2": self.phone() if chance.random() < 0.2 else "",
            "Email": f"{first}.{last}{number}@example.com".lower() if first.isascii() and last.isascii() else "",
            "SSN": self.ssn() if chance.random() < 0.5 else "",
            "Cohort": chance.choice(self.cohorts) if self.cohorts and chance.random() < 0.1 else "",
            "Facility ID": chance.choice(self.facilities) if self.facilities and chance.random() < 0.3 else "",
            "hieOptOut": "true" if chance.random() < OPT_OUT_SHARE else chance.choice(["", "", "FALSE"]),
            "Notes": chance.choice(NOTES),
        }
        return row

    def zip(self, start: str) -> str:
        code = f"{start}{self.chance.randint(1, 99):02}"
        # Spreadsheets take zip codes for numbers and drop the leading zeros.
        return self.chance.choice([code, code, code.lstrip("0"), f"{code}-{self.chance.randint(1, 9999):04}"])

    def phone(self) -> str:
        area, line = self.chance.randint(201, 989), self.chance.randint(0, 9999)
        forms = ["{a}555{n:04}", "({a}) 555-{n:04}", "{a}-555-{n:04}", "+1 {a} 555 {n:04}", "{a}.555.{n:04} x12"]
        return self.chance.choice(forms).format(a=area, n=line)

    def ssn(self) -> str:
        area = self.chance.choice([self.chance.randint(1, 665), self.chance.randint(667, 899)])
        group, serial = self.chance.randint(1, 99), self.chance.randint(1, 9999)
        return self.chance.choice(["{:03}-{:02}-{:04}", "{:03}{:02}{:04}"]).format(area, group, serial)

    def again(self, known: Row, number: int) -> Row:
        """The same person a second time, as a clinic's system writes somebody who came back."""
        row = known | {"externalId": f"MRN-{number:07}", "Phone-1": self.phone()}
        row["First Name"], row["Last Name"] = known["First Name"].upper(), known["Last Name"].lower()
        row["Address Line 1"] = self.chance.choice([known["Address Line 1"], f"{number} New St"])
        return row

    def spoil(self, row: Row) -> Row:
        """One mistake that people really make."""
        return row | self.chance.choice(
            [
                {"DOB": "1986-02-31"}, {"DOB": "3/4/85"}, {"DOB": "June 1990"}, {"DOB": "2091-01-01"}, {"DOB": ""},
                {"Zip": ""}, {"Zip": "ABCDE"}, {"State": "Kalifornia"}, {"City": "", "Zip": ""}, {"Gender": "N/A"},
                {"Phone-1": "555-0199"}, {"Email": "someone(at)example.com"}, {"SSN": "000-12-3456"},
                {"First Name": " "}, {"Facility ID": "00000000-0000-4000-8000-000000000000"}, {"Cohort": "VIP"},
                {"hieOptOut": "yes"},
            ]
        )  # fmt: skip


def rows(count: int, seed: int, facilities: list[str], cohorts: list[str]) -> Iterator[list[str]]:
    """The data rows of the file, one by one."""
    chance = random.Random(seed)
    people = People(chance, facilities, cohorts)
    recent: list[Row] = []
    for number in range(1, count + 1):
        if recent and chance.random() < TWIN_SHARE:
            row = people.again(chance.choice(recent), number)
        else:
            row = people.person(number)
            if chance.random() < BAD_SHARE:
                row = people.spoil(row)
            else:
                recent = [*recent[-499:], row]
        cells = list(row.values())
        # Once in a while an export loses its last cells.
        yield cells[:-2] if chance.random() < BAD_SHARE / 20 else cells


def write(path: Path, count: int, seed: int, facilities: list[str], cohorts: list[str]) -> None:
    """Writes the file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(rows(count, seed, facilities, cohorts))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--facility", action="append", default=[])
    parser.add_argument("--cohort", action="append", default=[])
    arguments = parser.parse_args()
    write(arguments.out, arguments.rows, arguments.seed, arguments.facility, arguments.cohort)
    return 0


if __name__ == "__main__":
    sys.exit(main())
