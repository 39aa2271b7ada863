"""Emulators of AWS besides that of the local stack, for tests of the ports."""
