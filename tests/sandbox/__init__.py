"""A sandbox FHIR server for tests and demos: the two searches of an IHE gateway, on the loopback interface only."""
