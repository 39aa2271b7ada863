"""Calls of the API: by the measuring tools, and in all ways that its description allows."""
