"""The local stack: the project's template.yaml on an AWS emulator on this machine's loopback interface."""
