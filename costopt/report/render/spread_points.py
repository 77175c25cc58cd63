"""Points with their intervals and labels that do not cover each other, the same for every renderer."""

from __future__ import annotations

from dataclasses import dataclass

from costopt.report.card import Chart


@dataclass(frozen=True, slots=True)
class Point:
    """`x`: None: not measured, drawn in a strip of its own at the right."""

    label: str
    x: float | None
    low: float
    high: float
    y: float
    is_sure: bool


def points_of(chart: Chart) -> list[Point]:
    """A point a label."""
    xs, lows, highs, ys = (s.values for s in chart.series)
    out = []
    for i, label in enumerate(chart.labels):
        x = xs[i]
        low, high = (x if v is None else v for v in (lows[i], highs[i]))
        sure = chart.marks[i] == "verified"
        out.append(Point(label, x, low or 0.0, high or 0.0, ys[i] or 0.0, sure))
    return out


def heights(found: list[Point]) -> tuple[float, float]:
    """Ends of the axis of dollars: 0 and all points, with some air."""
    low, high = min(0.0, *(p.y for p in found)), max(0.0, *(p.y for p in found))
    air = 0.08 * ((high - low) or 1.0)
    return low - air, high + air


def apart(ys: list[float], least: float, low: float, high: float) -> list[float]:
    """Places of labels near their points' heights, at least `least` apart, inside low..high."""
    order = sorted(range(len(ys)), key=lambda i: ys[i])
    placed = dict.fromkeys(order, 0.0)
    floor = low
    for i in order:
        placed[i] = max(ys[i], floor)
        floor = placed[i] + least
    ceiling = high
    for i in reversed(order):
        placed[i] = min(placed[i], ceiling)
        ceiling = placed[i] - least
    return [placed[i] for i in range(len(ys))]
