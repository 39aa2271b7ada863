"""Progress bars and colours: on a terminal only; plain lines elsewhere."""

from __future__ import annotations

import os
import sys
import time

WIDTH = 32
FANCY = sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and "NO_COLOR" not in os.environ
PLAIN_EVERY_SECONDS = 2.0
REDRAW_SECONDS = 0.05
#: Speeds are of no use before.
SETTLED_SECONDS = 0.3


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


def describe(done: float, total: float, unit: str, seconds: float) -> str:
    """How far something is, how fast, and how long it will take."""
    share = done / total if total else 1.0
    text = f"{share:4.0%}  {done:,.0f} of {total:,.0f} {unit}"
    if seconds < SETTLED_SECONDS or not done:
        return text
    speed = done / seconds
    text += f", {speed:,.0f} {unit}/s"
    return f"{text}, {(total - done) / speed:,.0f} s left" if done < total else text


class Bar:
    """A line that shows how far something is."""

    def __init__(self, label: str, unit: str) -> None:
        self.label, self.unit = label, unit
        #: With the first update.
        self.began: float | None = None
        self.shown_at = 0.0
        self.shown: float | None = None
        self.closed = False

    def update(self, done: float, total: float) -> None:
        """Shows it if it is time to."""
        now = time.monotonic()
        if self.began is None:
            self.began = self.shown_at = now
        every = REDRAW_SECONDS if FANCY else PLAIN_EVERY_SECONDS
        if done < total and (now - self.shown_at < every or (done == self.shown and not FANCY)):
            return
        if done == self.shown == total:
            return
        self.shown_at, self.shown = now, done
        text = describe(done, total, self.unit, now - self.began)
        if FANCY:
            full = round((done / total if total else 1.0) * WIDTH)
            print(f"\r   {self.label} {'█' * full}{'░' * (WIDTH - full)} {text}\033[K", end="", flush=True)
        else:
            print(f"   {self.label} {text}", flush=True)

    def clear(self) -> None:
        """Makes room for something else; the next update shows the bar again."""
        if FANCY and self.shown is not None:
            print("\r\033[K", end="")
            self.shown = None

    def close(self) -> None:
        """Leaves the bar as it stands."""
        self.closed = True
        if FANCY and self.shown is not None:
            print()
            self.shown = None


def say(text: str) -> None:
    """Tells whoever is watching; standard output is for results."""
    print(text, file=sys.stderr, flush=True)
