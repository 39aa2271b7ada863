"""A proxy between the functions and the AWS emulator that counts AWS calls and injects faults into them."""
