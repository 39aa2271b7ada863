"""A sandbox FHIR server for tests and demos: the searches and documents of an IHE gateway, on loopback only."""
