"""Runs a program and prints what it used: `python -I -S measured.py USAGE COMMAND …`.

Linux counts the memory of the process that starts a program as the program's own, until the program runs. So a small
process has to start it, and this one imports nothing but what Python itself has loaded.
"""

import os
import sys


def main() -> int:
    """Runs the command, writes seconds of processor and peak KiB to the file, and returns the exit status."""
    usage, *command = sys.argv[1:]
    child = os.fork()
    if child == 0:
        try:
            os.execvp(command[0], command)  # noqa: S606
        finally:
            os._exit(127)
    _, status, used = os.wait4(child, 0)
    with open(usage, "w") as file:
        file.write(f"{used.ru_utime + used.ru_stime} {used.ru_maxrss}")
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
