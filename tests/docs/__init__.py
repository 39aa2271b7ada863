"""Comparisons of the documentation with the template, the Makefile and the sources."""
