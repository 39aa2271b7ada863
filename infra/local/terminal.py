"""Progress bars and colours: on a terminal only; plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import time

WIDTH = 32
FANCY = sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and "NO_COLOR" not in os.environ
PLAIN_EVERY_SECONDS = 2.0


def paint(text: str, code: str) -> str:
    return f"\033[{code}m{text}\033[0m" if FANCY else text


def bold(text: str) -> str:
    return paint(text, "1")


def dim(text: str) -> str:
    return paint(text, "2")


def green(text: str) -> str:
    return paint(text, "32")


def red(text: str) -> str:
    return paint(text, "31")


class Bar:
    """A line that shows how far something is, how fast, and how long it will take."""

    def __init__(self, label: str, unit: str) -> None:
        self.label, self.unit = label, unit
        self.began = time.monotonic()
        self.shown = 0.0

    def update(self, done: float, total: float) -> None:
        now = time.monotonic()
        if not FANCY and (now - self.shown < PLAIN_EVERY_SECONDS) and done < total:
            return
        self.shown = now
        share = done / total if total else 0.0
        seconds = now - self.began
        speed = done / seconds if seconds > 0.2 else 0.0
        left = f", {(total - done) / speed:.0f} s left" if speed and done < total else ""
        figures = f"{share:4.0%}  {done:,.0f} of {total:,.0f} {self.unit}"
        pace = f", {speed:,.0f} {self.unit}/s{left}" if speed else ""
        if FANCY:
            full = round(share * WIDTH)
            print(f"\r  {self.label} {'█' * full}{'░' * (WIDTH - full)} {figures}{pace}\033[K", end="", flush=True)
        else:
            print(f"  {self.label} {figures}{pace}", flush=True)

    def close(self) -> None:
        if FANCY:
            print()


def say(text: str) -> None:
    """Tells whoever is watching; standard output is for results."""
    print(text, file=sys.stderr, flush=True)
