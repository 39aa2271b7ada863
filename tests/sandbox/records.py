"""The records of the sandbox: patients and documents derived from hashes, so that no data has to be loaded.

The hash of the search parameters decides whether the sandbox knows a patient, once or twice, and which documents the
patient has. The same search finds the same records in every process. Nothing here is about real people: a patient that
is "found" consists of the search parameters themselves.
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

Resource = dict[str, Any]
#: The accepted values of each search parameter.
Query = dict[str, list[str]]

#: The parameters that identify a patient. Addresses change, so they are not among them.
IDENTITY = ("family", "given", "birthdate", "gender")
#: The parameters of ITI-78 that the sandbox uses.
RESPECTED = (*IDENTITY, "address-postalcode")
#: The largest number of documents of a patient, so that some patients have three pages.
MOST_DOCUMENTS = 25
#: The ids of documents: a part of a hash, and the number of the document among those of its patient.
DOCUMENT_ID = re.compile(r"[0-9a-f]{16}-[0-9]{1,2}")
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
    """The shares of patients that the sandbox knows. It finds nothing for the others."""

    with_documents: float = 0.5
    without_documents: float = 0.1
    ambiguous: float = 0.05

    def __post_init__(self) -> None:
        if min(self.with_documents, self.without_documents, self.ambiguous) < 0 or self.known > 1:
            raise ValueError("shares are not negative, and together at most 1")

    @property
    def known(self) -> float:
        """The share of patients that the sandbox finds at least once."""
        return self.with_documents + self.without_documents + self.ambiguous


def digest(*parts: str) -> str:
    """Returns the SHA-256 of the parts, in hexadecimal digits."""
    return hashlib.sha256("\0".join(("sandbox", *parts)).encode()).hexdigest()


def fraction(text: str) -> float:
    """Returns a number from 0 to 1 that looks random and is always the same for the same text."""
    return int(digest(text)[:12], 16) / 16**12


def identity(query: Query) -> str:
    """Returns a hash of the parameters that identify a patient. Of several values, the first one counts."""
    return digest(*(query.get(name, [""])[0].casefold() for name in IDENTITY))[:20]


def patients(query: Query, shares: Shares) -> list[Resource]:
    """Returns the patients that a search finds: none, one, or two that match equally well."""
    hashed = identity(query)
    point = fraction(hashed)
    if point < shares.with_documents:
        return [patient(f"sandbox-d-{hashed}", query)]
    if point < shares.with_documents + shares.without_documents:
        return [patient(f"sandbox-n-{hashed}", query)]
    if point < shares.known:
        return [patient(f"sandbox-a{number}-{hashed}", query) for number in (1, 2)]
    return []


def patient(identifier: str, query: Query) -> Resource:
    """Returns a patient that consists of the search parameters."""
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
    """Returns the number of documents of a patient, which is at least one for a patient with documents."""
    if not patient_id.startswith("sandbox-d-"):
        return 0
    return 1 + int(fraction(patient_id) * MOST_DOCUMENTS)


def document(patient_id: str, number: int, base: str) -> Resource:
    """Returns the document of a patient with this number, which is 0 for the first."""
    key = digest(patient_id, str(number))
    code, display, media_type, extension = KINDS[int(key[:4], 16) % len(KINDS)]
    made = FIRST_DAY + timedelta(minutes=int(key[4:10], 16) % (10 * 365 * 24 * 60))
    indexed = made + timedelta(hours=2)
    identifier = f"{key[:16]}-{number}"
    attachment = {
        "contentType": media_type,
        "language": "en-US",
        "size": content_size(identifier),
        "title": f"{display} {number + 1}.{extension}",
        "creation": f"{made:%Y-%m-%d}",
    }
    # A content is behind a link, absolute or relative, or inside of the attachment.
    match number % 7:
        case 6:
            attachment["data"] = base64.b64encode(content(identifier)[1]).decode()
        case 5:
            attachment["url"] = f"Binary/{identifier}"
        case _:
            attachment["url"] = f"{base}/Binary/{identifier}"
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
        "content": [{"attachment": attachment}],
    }


def content(identifier: str) -> tuple[str, bytes]:
    """Returns the media type and the content of the document with this id."""
    _, display, media_type, _ = KINDS[int(identifier[:4], 16) % len(KINDS)]
    size = content_size(identifier)
    start, end = {
        "application/pdf": (f"%PDF-1.4\n% {display} of the sandbox, {identifier}\n", "\n%%EOF\n"),
        "application/hl7-v3+xml": (
            '<?xml version="1.0"?>\n<ClinicalDocument xmlns="urn:hl7-org:v3">\n'
            f"<title>{display} {identifier}</title>\n<!-- ",
            " -->\n</ClinicalDocument>\n",
        ),
    }.get(media_type, (f"{display} {identifier}\n", "\n"))
    filled = start + "sandbox ".ljust(64, "_").replace("_", ".") * (size // 64 + 1)
    return media_type, (filled[: size - len(end)] + end).encode()


def content_size(identifier: str) -> int:
    """Returns the bytes of a document's content: up to 65 KiB. Inside of attachments there are small contents only."""
    size = int(identifier[10:14], 16)
    is_behind_link = (int(identifier.rpartition("-")[2]) + 1) % 7
    return 1000 + (size if is_behind_link else size % 3000)


def reference(identifier: str) -> Resource:
    """Returns what the sandbox knows of a document by its id alone: its content."""
    media_type, body = content(identifier)
    attachment = {"contentType": media_type, "data": base64.b64encode(body).decode()}
    return {
        "resourceType": "DocumentReference",
        "id": identifier,
        "status": "current",
        "content": [{"attachment": attachment}],
    }


def outcome(severity: str, code: str, text: str) -> Resource:
    """Returns a message about a request."""
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": severity, "code": code, "diagnostics": text}],
    }


def searchset(entries: list[Resource], total: int, links: dict[str, str], base: str) -> Resource:
    """Returns a page of a search. A message about the search counts as an outcome, not as a match."""
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
    """Returns a resource as an entry of a page."""
    if resource["resourceType"] == "OperationOutcome":
        return {"resource": resource, "search": {"mode": "outcome"}}
    full_url = f"{base}/{resource['resourceType']}/{resource['id']}"
    return {"fullUrl": full_url, "resource": resource, "search": {"mode": "match"}}
