"""Runs functions in Lambda's containers with SAM CLI, against the local stack."""
