"""Patients that are missing from a list are found."""

import base64
import json
import uuid

from tests.e2e.stored import ids, patients_of, summary


def person(*patients: tuple[int, str | None]) -> str:
    """Returns the document of a person with these patients, each with its external id."""
    texts = [
        {"i": base64.urlsafe_b64encode(uuid.UUID(int=number).bytes).decode().rstrip("=")}
        | ({"x": known} if known else {})
        for number, known in patients
    ]
    return json.dumps({"v": 1, "j": [], "p": [{"p": texts}]})


def test_patients_and_their_external_ids_are_read() -> None:
    first, second, third = (str(uuid.UUID(int=number)) for number in (1, 2, 3))
    people = [person((1, "MRN"), (2, None)), person((3, "mrn"))]
    assert patients_of(people) == {first: "MRN", second: None, third: "mrn"}
    assert ids(uuid.UUID(int=1).bytes + uuid.UUID(int=3).bytes) == {first, third}


def test_patients_that_no_list_has_are_found() -> None:
    # The hash is that of shared/domain, under the same key.
    entry = ("9ea3332ef11d687deb9977b841c7dc48", "a")
    patients = {"a": "MRN-1", "b": "MRN-1", "c": None}
    found = summary(patients, {"a", "c"}, {entry}, bytes([7] * 32))
    assert found == {"patients": ["a", "b", "c"], "unlisted": ["b"], "unentered": ["b"]}
