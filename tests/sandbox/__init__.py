"""A sandbox FHIR server for tests and demos: an IHE gateway's searches and documents, on the loopback interface only."""
