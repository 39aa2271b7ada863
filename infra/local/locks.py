"""Who starts, ends or uses a stack, so that nobody ends it under somebody else's hands."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from typing import IO

from paths import StackFiles
from terminal import say


@contextlib.contextmanager
def locked(files: StackFiles) -> Iterator[None]:
    """Only one process at a time starts or ends a stack of this name."""
    files.folder.mkdir(parents=True, exist_ok=True)
    with files.lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Users:
    """Who has a command running on a stack: each holds the file's lock together with the others."""

    def __init__(self, file: IO[str]) -> None:
        self.file = file

    def wait_for_others(self) -> None:
        """Returns when this is the only one."""
        try:
            fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another command still uses the stack: it ends after that (or on Ctrl-C).")
            fcntl.flock(self.file, fcntl.LOCK_EX)


@contextlib.contextmanager
def used(files: StackFiles) -> Iterator[Users]:
    """The stack is in use, so that whoever started it waits with ending it."""
    files.folder.mkdir(parents=True, exist_ok=True)
    with files.users.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield Users(file)
