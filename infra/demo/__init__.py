"""The demo: a sample file, and its import with `bulk`."""
