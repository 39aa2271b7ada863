"""Draws a picture of an import: curves of rows done over time, and below them a lane of bars for each function."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape

LEFT, WIDTH, CURVES_HEIGHT = 130, 830, 220
BAR, GAP, MOST_BARS = 4, 10, 12
COLORS = ["#1f6feb", "#2da44e", "#bf8700", "#8250df", "#cf222e", "#1b7c83", "#57606a"]
MOST_TICKS = 10
#: The width of a letter, so that a label that does not fit is left out.
LETTER = 7


@dataclass(frozen=True)
class Curve:
    """How much of a total was done at which time. A point is a time in seconds and a number."""

    name: str
    points: list[tuple[float, float]]
    total: float


@dataclass(frozen=True)
class Lane:
    """The invocations of a function, each from and to a time in seconds."""

    name: str
    runs: list[tuple[float, float]]


def stacked(runs: list[tuple[float, float]]) -> tuple[list[tuple[float, float, int]], int]:
    """Assigns each invocation to the first line that is free then. Returns them, and the number of lines."""
    free: list[float] = []
    placed = []
    for start, end in sorted(runs):
        line = next((line for line, until in enumerate(free) if until <= start), len(free))
        if line == len(free):
            free.append(end)
        free[line] = end
        placed.append((start, end, line))
    return placed, len(free)


def draw(
    title: str, seconds: float, curves: list[Curve], lanes: list[Lane], shares: dict[str, float], cores: int
) -> str:
    """Returns the picture as SVG. `shares` are the seconds of the processor by their users."""
    scale = WIDTH / max(seconds, 0.001)
    parts = list(axes(seconds, scale))
    for curve, color in zip(curves, COLORS, strict=False):
        parts += curve_of(curve, color, scale)
    top = 60 + CURVES_HEIGHT + 40
    for lane, color in zip(lanes, COLORS * len(lanes), strict=False):
        runs, lines = stacked(lane.runs)
        shown = min(lines, MOST_BARS)
        parts.append(
            f'<text x="{LEFT - 10}" y="{top + shown * BAR / 2 + 4:.0f}" text-anchor="end">{escape(lane.name)}</text>'
        )
        for start, end, line in runs:
            # When there are more lines than there is room for, some bars lie over others.
            y = top + line % MOST_BARS * BAR
            width = max((min(end, seconds) - start) * scale, 0.8)
            parts.append(
                f'<rect x="{LEFT + start * scale:.1f}" y="{y}" width="{width:.1f}" height="{BAR - 1}"'
                f' fill="{color}" fill-opacity="0.6"/>'
            )
        top += shown * BAR + GAP
    parts += shares_of(shares, seconds * cores, top)
    top += 18 + GAP
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 40}" height="{top + 20}"'
        ' font-family="system-ui, sans-serif" font-size="12" fill="#24292f">'
        '<rect width="100%" height="100%" fill="white"/>'
        f'<text x="{LEFT}" y="28" font-size="16" font-weight="600">{escape(title)}</text>'
    )
    return "\n".join([head, *parts, "</svg>", ""])


def axes(seconds: float, scale: float) -> Iterator[str]:
    """Yields the axis of seconds below the curves."""
    bottom = 60 + CURVES_HEIGHT
    yield f'<line x1="{LEFT}" y1="{bottom}" x2="{LEFT + WIDTH}" y2="{bottom}" stroke="#8c959f"/>'
    step = next(step for step in steps() if seconds / step <= MOST_TICKS)
    for tick in range(int(seconds / step) + 1):
        at = tick * step
        x = LEFT + at * scale
        yield f'<line x1="{x:.1f}" y1="60" x2="{x:.1f}" y2="{bottom}" stroke="#eaeef2"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{at:.3g} s</text>'


def steps() -> Iterator[float]:
    """Yields round distances for the axis: 0.01, 0.02, 0.05, 0.1 and so on."""
    size = 0.01
    while True:
        yield from (size, 2 * size, 5 * size)
        size *= 10


def shares_of(shares: dict[str, float], all_seconds: float, top: int) -> Iterator[str]:
    """Yields one bar for all time of the processor, with a part for each user."""
    yield f'<text x="{LEFT - 10}" y="{top + 14}" text-anchor="end">processor</text>'
    x = float(LEFT)
    for (name, spent), color in zip((shares | {"": all_seconds - sum(shares.values())}).items(), COLORS, strict=False):
        width = max(spent, 0.0) / all_seconds * WIDTH
        fill = color if name else "#d0d7de"
        yield f'<rect x="{x:.1f}" y="{top}" width="{width:.1f}" height="18" fill="{fill}" fill-opacity="0.6"/>'
        label = f"{name or 'client, system, idle'} {100 * spent / all_seconds:.0f}%"
        if width > LETTER * len(label):
            yield f'<text x="{x + 4:.1f}" y="{top + 13}">{escape(label)}</text>'
        x += width


def curve_of(curve: Curve, color: str, scale: float) -> list[str]:
    """Returns a curve from zero to the total, with its name beside it."""
    if not curve.points or not curve.total:
        return []
    bottom = 60 + CURVES_HEIGHT
    points = [(LEFT + at * scale, bottom - done / curve.total * CURVES_HEIGHT) for at, done in curve.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    middle = points[len(points) * 2 // 3]
    return [
        f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>',
        f'<text x="{middle[0] + 8:.1f}" y="{middle[1] + 14:.1f}" fill="{color}">'
        f"{escape(curve.name)}: {curve.total:,.0f}</text>",
    ]
