"""What the sandbox FHIR server holds: patients and documents made from hashes, so that nothing has to be loaded.

Whoever is searched for is hashed, and the hash decides whether the sandbox knows them, once or twice, and what
documents they have. The same person always has the same, in every process. Nothing here is about real people: a
patient that is "found" is made of the search parameters themselves.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

Resource = dict[str, Any]
#: Search parameters by name; each has the values of which one is wanted.
Query = dict[str, list[str]]

#: What a patient is told apart by. Addresses change, so they decide nothing.
IDENTITY = ("family", "given", "birthdate", "gender")
#: All that ITI-78 is answered by here.
RESPECTED = (*IDENTITY, "address-postalcode")
#: Most documents of a patient: enough for some to have three pages.
MOST_DOCUMENTS = 25
FIRST_DAY = datetime(2015, 1, 1, tzinfo=UTC)

#: LOINC code, name, media type, extension.
KINDS = [
    ("34133-9", "Summary of episode note", "application/hl7-v3+xml", "xml"),
    ("18842-5", "Discharge summary", "application/hl7-v3+xml", "xml"),
    ("11506-3", "Progress note", "application/pdf", "pdf"),
    ("11502-2", "Laboratory report", "application/pdf", "pdf"),
    ("18748-4", "Diagnostic imaging study", "text/plain", "txt"),
]


@dataclass(frozen=True)
class Shares:
    """How many of all people the sandbox knows; it has never heard of the rest."""

    with_documents: float = 0.5
    without_documents: float = 0.1
    ambiguous: float = 0.05

    def __post_init__(self) -> None:
        if min(self.with_documents, self.without_documents, self.ambiguous) < 0 or self.known > 1:
            raise ValueError("shares are not negative, and together at most 1")

    @property
    def known(self) -> float:
        return self.with_documents + self.without_documents + self.ambiguous


def digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(("sandbox", *parts)).encode()).hexdigest()


def fraction(text: str) -> float:
    """A number from 0 to 1 that looks random and is always the same."""
    return int(digest(text)[:12], 16) / 16**12


def person(query: Query) -> str:
    """Who is searched for, as a hash. Of several names, the first is all of them together."""
    return digest(*(query.get(name, [""])[0].casefold() for name in IDENTITY))[:20]


def patients(query: Query, shares: Shares) -> list[Resource]:
    """The patients that are found: none, one, or two that cannot be told apart."""
    who = person(query)
    place = fraction(who)
    if place < shares.with_documents:
        return [patient(f"sandbox-d-{who}", query)]
    if place < shares.with_documents + shares.without_documents:
        return [patient(f"sandbox-n-{who}", query)]
    if place < shares.known:
        return [patient(f"sandbox-a{number}-{who}", query) for number in (1, 2)]
    return []


def patient(identifier: str, query: Query) -> Resource:
    """A patient who has just what was searched for."""
    resource: Resource = {
        "resourceType": "Patient",
        "id": identifier,
        "active": True,
        "identifier": [{"system": "urn:oid:2.999.1", "value": identifier}],
    }
    name: Resource = {}
    if family := query.get("family"):
        name["family"] = family[0]
    if given := query.get("given"):
        name["given"] = given[0].split()
    if name:
        resource["name"] = [name]
    if gender := query.get("gender"):
        resource["gender"] = gender[0]
    if birth_date := query.get("birthdate"):
        resource["birthDate"] = birth_date[0]
    if zips := query.get("address-postalcode"):
        resource["address"] = [{"postalCode": code, "country": "USA"} for code in zips]
    return resource


def document_count(patient_id: str) -> int:
    """How many documents a patient has: at least one where there are any."""
    if not patient_id.startswith("sandbox-d-"):
        return 0
    return 1 + int(fraction(patient_id) * MOST_DOCUMENTS)


def document(patient_id: str, number: int, base: str) -> Resource:
    """One of a patient's documents, counted from 0."""
    key = digest(patient_id, str(number))
    code, display, media_type, extension = KINDS[int(key[:4], 16) % len(KINDS)]
    made = FIRST_DAY + timedelta(minutes=int(key[4:10], 16) % (10 * 365 * 24 * 60))
    indexed = made + timedelta(hours=2)
    identifier = f"{key[:16]}-{number}"
    return {
        "resourceType": "DocumentReference",
        "id": identifier,
        "masterIdentifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:oid:2.999.2.{int(key[:12], 16)}"},
        "status": "current",
        "docStatus": "final",
        "type": {"coding": [{"system": "http://loinc.org", "code": code, "display": display}], "text": display},
        "subject": {"reference": f"Patient/{patient_id}"},
        "date": f"{indexed:%Y-%m-%dT%H:%M:%S}.000Z",
        "author": [{"display": "Sandbox Hospital"}],
        "description": f"{display} {number + 1}",
        "content": [
            {
                "attachment": {
                    "contentType": media_type,
                    "language": "en-US",
                    "url": f"{base}/Binary/{identifier}",
                    "size": 1000 + int(key[10:14], 16),
                    "title": f"{display} {number + 1}.{extension}",
                    "creation": f"{made:%Y-%m-%d}",
                }
            }
        ],
    }


def outcome(severity: str, code: str, text: str) -> Resource:
    """What the sandbox has to say about a request."""
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": severity, "code": code, "diagnostics": text}],
    }


def searchset(entries: list[Resource], total: int, links: dict[str, str], base: str) -> Resource:
    """A page of found resources. What only says something about the search is no match."""
    bundle: Resource = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": total,
        "link": [{"relation": relation, "url": url} for relation, url in links.items()],
    }
    if entries:
        bundle["entry"] = [entry(resource, base) for resource in entries]
    return bundle


def entry(resource: Resource, base: str) -> Resource:
    if resource["resourceType"] == "OperationOutcome":
        return {"resource": resource, "search": {"mode": "outcome"}}
    full_url = f"{base}/{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": full_url, "resource": resource, "search": {"mode": "match"}}
