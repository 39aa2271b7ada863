"""Loaded by the emulator's Python at its start.

The runtime API that it gives to functions answers in two small writes; with Nagle's algorithm on, the
second waits for the client's delayed acknowledgement: 40 ms more for every invocation.
"""

import socketserver

socketserver.StreamRequestHandler.disable_nagle_algorithm = True
