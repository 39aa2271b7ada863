"""Locks that keep one command from starting or stopping a stack while another command starts, stops or uses it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from filelock import FileLock, ReadWriteLock, Timeout

from local_stack.paths import StackFiles


@contextlib.contextmanager
def exclusive(files: StackFiles) -> Iterator[None]:
    """Keeps other processes from starting or stopping the stack of this name."""
    files.folder.mkdir(parents=True, exist_ok=True)
    with FileLock(files.lock):
        yield


@contextlib.contextmanager
def in_use(files: StackFiles) -> Iterator[None]:
    """Keeps the process that started the stack from stopping it, together with other users."""
    files.folder.mkdir(parents=True, exist_ok=True)
    with ReadWriteLock(files.users).read_lock():
        yield


@contextlib.contextmanager
def unused(files: StackFiles) -> Iterator[None]:
    """Waits until no process uses the stack, and keeps others from using it."""
    lock = ReadWriteLock(files.users)
    try:
        lock.acquire_write(blocking=False)
    except Timeout:
        print("Another command still uses the stack, which stops after that command.", file=sys.stderr, flush=True)
        lock.acquire_write()
    try:
        yield
    finally:
        lock.release()
