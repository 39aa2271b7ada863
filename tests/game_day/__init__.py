"""Produces the conditions of the alarms on a local stack, and checks that each alarm would fire."""
