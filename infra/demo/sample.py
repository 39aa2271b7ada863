"""Writes a realistic sample file: `python -m infra.demo.sample --rows 1200 --out sample.csv`.

Most rows are good, some have the mistakes of real files, and some are duplicate rows. The same arguments always give
the same file.
"""

from __future__ import annotations

import argparse
import csv
import random
import sys
from collections.abc import Iterator
from pathlib import Path

HEADER = [
    "externalId", "First Name", "Last Name", "DOB", "Gender", "Address Line 1", "Address Line 2", "City", "State",
    "Zip", "Address Line 1-2", "City-2", "State-2", "Zip-2", "Phone-1", "Phone-2", "Email", "SSN",
    "Drivers License No", "Drivers License State", "Cohort", "Facility ID", "hieOptOut", "Notes",
]  # fmt: skip

FIRST = (
    "Abdullahi Ada Agnieszka Aisha Alejandra Amara Ana-Lucía Anh Anne Béla Brittany Carlos Chloé Dale Darnell Dmitri "
    "Ebony Elif Emily Esperanza Fatima François Grace Guadalupe Hiroshi Ingrid Jamal James Jean-Luc Jennifer José "
    "Kateryna Keola Kwame Leila Liam Mai Maria Mary-Jane Mehmet Michael Mohammed Nia Noah Olivia Patricia Priya Quinn "
    "Robert Rosa Ruth Siobhán Søren Tomás Tyrone Uma Víctor Wei William Xiomara Yara Yusuf Zoë"
).split()
LAST = (
    "Abebe Åkesson Baker Begay Brown Castillo Chen D'Angelo Davis Díaz Dubois Ek Fischer García Goldberg Haddad "
    "Hernández Ito Jackson Johnson Kahananui Kowalski Kumar Lê López Martin McDonald Müller Nakamura Nguyen O'Brien "
    "Okafor Patel Pérez-Ruiz Quispe Rossi Saint-Pierre Sánchez Smith Tanaka Tran Úbeda Van-Dyke Washington Williams "
    "Wójcik Xu Yilmaz Yoon Zhang"
).split()
STREETS = "Main St;Oak Ave;Maple Dr;2nd St;Washington Blvd;Elm Ct;Lake Rd;Park Pl;Sunset Blvd;Highland Ave".split(";")
#: City, code and name of the state, and the first digits of its zip codes.
PLACES = [
    ("Boston", "MA", "Massachusetts", "021"), ("New York", "NY", "New York", "100"),
    ("Austin", "TX", "Texas", "787"), ("San Francisco", "CA", "California", "941"),
    ("Chicago", "IL", "Illinois", "606"), ("Seattle", "WA", "Washington", "981"),
    ("Miami", "FL", "Florida", "331"), ("Denver", "CO", "Colorado", "802"),
    ("Newark", "NJ", "New Jersey", "071"), ("San Juan", "PR", "Puerto Rico", "009"),
    ("Washington", "DC", "District of Columbia", "200"), ("Honolulu", "HI", "Hawaii", "968"),
    ("St. Louis", "MO", "Missouri", "631"), ("Coeur d'Alene", "ID", "Idaho", "838"),
]  # fmt: skip
NOTES = ["", "", "", "", "prefers mornings", "allergic to penicillin, see chart", 'goes by "Bo"', "line one\nline two"]

BAD_SHARE = 0.08
DUPLICATE_SHARE = 0.06
OPT_OUT_SHARE = 0.02
SECOND_ADDRESS_SHARE = 0.1
LICENSE_SHARE = 0.15
#: The number of earlier patients among which a duplicate row finds its patient.
REMEMBERED = 500

Row = dict[str, str]

#: Mistakes of real files, as the cells that differ.
MISTAKES: list[Row] = [
    {"DOB": "1986-02-31"}, {"DOB": "3/4/85"}, {"DOB": "June 1990"}, {"DOB": "2091-01-01"}, {"DOB": ""},
    {"DOB": "25/12/1970"}, {"DOB": "0000-00-00"}, {"Zip": ""}, {"Zip": "ABCDE"}, {"Zip": "00000"},
    {"State": "Kalifornia"}, {"City": "", "Zip": ""}, {"Gender": "N/A"}, {"Gender": ""},
    {"Address Line 1-2": "12 Summer House Rd", "City-2": ""}, {"Phone-1": "555-0199"}, {"Phone-1": "see chart"},
    {"Email": "someone(at)example.com"}, {"Email": "none"}, {"SSN": "000-12-3456"}, {"SSN": "123-45-678X"},
    {"Drivers License No": "", "Drivers License State": "NY"}, {"First Name": " "}, {"Last Name": ""},
    {"Facility ID": "00000000-0000-4000-8000-000000000000"}, {"Facility ID": "Main Street"}, {"Cohort": "VIP"},
    {"hieOptOut": "yes"},
]  # fmt: skip


class RowGenerator:
    """Generates rows from the random numbers of `chance`."""

    def __init__(self, chance: random.Random, facilities: list[str], cohorts: list[str]) -> None:
        self.chance, self.facilities, self.cohorts = chance, facilities, cohorts

    def new_patient(self, number: int) -> Row:
        """Returns a row about a patient who is not in the file yet."""
        chance = self.chance
        first, last = chance.choice(FIRST), chance.choice(LAST)
        address, city, state, code = self.address()
        row = dict.fromkeys(HEADER, "")
        row |= {
            "externalId": f"MRN-{number:07}",
            "First Name": chance.choice([first, first, first.upper(), f"{first} {chance.choice(FIRST)}"]),
            "Last Name": chance.choice([last, last, last.upper(), f"{last} "]),
            "DOB": self.birthday(),
            "Gender": chance.choice(["M", "F", "M", "F", "male", "Female", "O", "U"]),
            "Address Line 1": address,
            "Address Line 2": chance.choice(["", "", "", f"Apt {chance.randint(1, 60)}", "#4, rear"]),
            "City": city,
            "State": state,
            "Zip": code,
            "Phone-1": self.phone(),
            "Phone-2": self.phone() if chance.random() < 0.2 else "",
            "Email": f"{first}.{last}{number}@Example.com" if (first + last).isascii() and "'" not in last else "",
            "SSN": self.ssn() if chance.random() < 0.5 else "",
            "Cohort": chance.choice(self.cohorts) if self.cohorts and chance.random() < 0.1 else "",
            "Facility ID": chance.choice(self.facilities) if self.facilities and chance.random() < 0.3 else "",
            "hieOptOut": "true" if chance.random() < OPT_OUT_SHARE else chance.choice(["", "", "FALSE"]),
            "Notes": chance.choice(NOTES),
        }
        if chance.random() < SECOND_ADDRESS_SHARE:
            row["Address Line 1-2"], row["City-2"], row["State-2"], row["Zip-2"] = self.address()
        if chance.random() < LICENSE_SHARE:
            row["Drivers License No"] = f"{chance.choice('ABDST')}{chance.randint(1_000_000, 9_999_999)}"
            row["Drivers License State"] = chance.choice(PLACES)[1]
        return row

    def address(self) -> tuple[str, str, str, str]:
        """Returns line, city, state and zip code, in the different ways in which they are written."""
        chance = self.chance
        city, state, state_name, zip_start = chance.choice(PLACES)
        code = f"{zip_start}{chance.randint(1, 99):02}"
        return (
            f"{chance.randint(1, 9999)} {chance.choice(STREETS)}",
            city,
            chance.choice([state, state, state, state_name, state.lower()]),
            # A spreadsheet takes a zip code for a number and drops its leading zeros.
            chance.choice([code, code, code.lstrip("0"), f"{code}-{chance.randint(1, 9999):04}"]),
        )

    def birthday(self) -> str:
        """Returns a birth date in one of the formats that files have."""
        year, month, day = self.chance.randint(1930, 2024), self.chance.randint(1, 12), self.chance.randint(1, 28)
        iso = f"{year}-{month:02}-{day:02}"
        forms = [iso, iso, iso, f"{month}/{day}/{year}", f"{month:02}-{day:02}-{year}", f"{year}/{month}/{day}"]
        return self.chance.choice([*forms, f"{year}{month:02}{day:02}", f"{iso}T00:00:00Z"])

    def phone(self) -> str:
        """Returns a phone number in one of the formats that files have."""
        area, line = self.chance.randint(201, 989), self.chance.randint(0, 9999)
        forms = ["{a}555{n:04}", "({a}) 555-{n:04}", "{a}-555-{n:04}", "+1 {a} 555 {n:04}", "{a}.555.{n:04} x12"]
        return self.chance.choice(forms).format(a=area, n=line)

    def ssn(self) -> str:
        """Returns a social security number that could have been issued."""
        area = self.chance.choice([self.chance.randint(1, 665), self.chance.randint(667, 899)])
        group, serial = self.chance.randint(1, 99), self.chance.randint(1, 9999)
        return self.chance.choice(["{:03}-{:02}-{:04}", "{:03}{:02}{:04}"]).format(area, group, serial)

    def duplicate(self, known: Row, number: int) -> Row:
        """Returns another row about a patient, as the system of a clinic writes a second visit."""
        row = known | {"externalId": f"MRN-{number:07}", "Phone-1": self.phone()}
        row["First Name"], row["Last Name"] = known["First Name"].upper(), known["Last Name"].lower()
        row["Address Line 1"] = self.chance.choice([known["Address Line 1"], f"{number} New St"])
        return row


def rows(
    count: int, seed: int, facilities: list[str], cohorts: list[str], duplicates: float = DUPLICATE_SHARE
) -> Iterator[list[str]]:
    """Yields the data rows of the file."""
    chance = random.Random(seed)
    generator = RowGenerator(chance, facilities, cohorts)
    recent: list[Row] = []
    for number in range(1, count + 1):
        if recent and chance.random() < duplicates:
            row = generator.duplicate(chance.choice(recent), number)
        else:
            row = generator.new_patient(number)
            if chance.random() < BAD_SHARE:
                row = row | chance.choice(MISTAKES)
            elif len(recent) < REMEMBERED:
                recent.append(row)
            else:
                recent[number % REMEMBERED] = row
        cells = list(row.values())
        # An export can lose the last cells of a row.
        yield cells[:-2] if chance.random() < BAD_SHARE / 20 else cells


def write(
    path: Path, count: int, seed: int, facilities: list[str], cohorts: list[str], duplicates: float = DUPLICATE_SHARE
) -> None:
    """Writes the file of these rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(rows(count, seed, facilities, cohorts, duplicates))


def main() -> int:
    """Writes the file that the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--duplicates", type=float, default=DUPLICATE_SHARE, help="share of duplicate rows")
    parser.add_argument("--facility", action="append", default=[])
    parser.add_argument("--cohort", action="append", default=[])
    arguments = parser.parse_args()
    write(arguments.out, arguments.rows, arguments.seed, arguments.facility, arguments.cohort, arguments.duplicates)
    return 0


if __name__ == "__main__":
    sys.exit(main())
