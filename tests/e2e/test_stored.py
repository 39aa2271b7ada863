"""Inconsistencies between patients and identities are found."""

from tests.e2e.stored import summary


def test_missing_patients_and_patients_without_an_identity_are_found() -> None:
    documents = [{"people": [{"id": "1"}]}, {"people": [{"id": "2"}, {"id": "4"}]}]
    found = summary("a", {"a#1", "b#2", "a#3"}, documents)
    assert found == {"patients": ["1", "3"], "ghosts": ["4"], "nameless": ["3"]}
