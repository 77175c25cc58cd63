"""Lines in SVG: over ordered labels, or over labels that are numbers at their true distances."""

from __future__ import annotations

from costopt.report.card import Chart
from costopt.report.render.curve_png import is_curve, targets
from costopt.report.render.format import axis_texts, ticks
from costopt.report.render.svg_parts import COLORS, WIDTH, legend, marker, runs, stroke, text

HEIGHT = 220
LEFT, TOP = 70.0, 12.0
CLEAR = 36
"""px between the middles of two numbers."""
MOST_MARKERS = 30
"""Values above which markers would be a second line."""


def lines(chart: Chart) -> tuple[str, float]:
    """(drawn, height)."""
    known = [v for s in chart.series for v in s.values if v is not None]
    curve = is_curve(chart)
    aims = targets(chart)
    marks = ticks(max([*known, *(height for height, _ in aims), 0.0]))
    top = marks[-1]
    xs = _places(chart) if curve else centers(len(chart.labels))
    parts = [frame(chart, marks), *_aims(aims, top)]
    for k, series in enumerate(chart.series):
        ys = [None if v is None else TOP + HEIGHT * (1 - v / top) for v in series.values]
        alone = sum(y is not None for y in ys) == 1
        for run in runs(xs, ys):
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in run)
            parts.append(f'<polyline class="l{k % COLORS} d{k % 4}" points="{points}"/>')
            if alone or len(ys) <= MOST_MARKERS:
                parts += [marker(x, y, k, 6.5 if alone else 3.2) for x, y in run]
    parts.append(_numbers(chart, xs) if curve else x_labels(chart, xs))
    entries = [(stroke(k), s.name) for k, s in enumerate(chart.series)]
    drawn, tall = legend(entries, HEIGHT + 68, LEFT) if len(entries) > 1 else ("", 0.0)
    return "".join([*parts, drawn]), HEIGHT + 56 + tall


def frame(chart: Chart, marks: list[float]) -> str:
    """Horizontal grid lines with their values, and the name of the x axis."""
    parts = []
    for value, words in zip(marks, axis_texts(marks, chart.unit), strict=True):
        y = TOP + HEIGHT * (1 - value / marks[-1])
        parts.append(
            f'<line class="grid" x1="{LEFT:.0f}" x2="{WIDTH - 10}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        parts.append(text(LEFT - 6, y + 4, words, "end"))
    parts.append(text((LEFT + WIDTH) / 2, HEIGHT + 48, chart.x_label, "middle"))
    return "".join(parts)


def centers(count: int) -> list[float]:
    """Equal distances."""
    room = WIDTH - LEFT - 10
    return [LEFT + room * (i + 0.5) / count for i in range(count)]


def x_labels(chart: Chart, xs: list[float]) -> str:
    """At most ten, evenly chosen."""
    every = max(1, -(-len(chart.labels) // 10))
    shown = list(enumerate(chart.labels))[::every]
    return "".join(text(xs[i], HEIGHT + 30, label, "middle") for i, label in shown)


def _places(chart: Chart) -> list[float]:
    at = [float(label) for label in chart.labels]
    low, high = min(at), max(at)
    room = WIDTH - LEFT - 40
    return [LEFT + 14 + room * (v - low) / ((high - low) or 1.0) for v in at]


def _numbers(chart: Chart, xs: list[float]) -> str:
    """As many of the numbers as stand clear of each other, the shortest first: 0.9 before 0.91."""
    taken: list[float] = []
    out: list[str] = []
    for label, x in sorted(zip(chart.labels, xs, strict=True), key=lambda p: (len(p[0]), p[1])):
        if all(abs(x - other) >= CLEAR for other in taken):
            out.append(text(x, HEIGHT + 30, label, "middle"))
            taken.append(x)
    return "".join(out)


def _aims(aims: tuple[tuple[float, str], ...], top: float) -> list[str]:
    out = []
    for height, name in aims:
        y = TOP + HEIGHT * (1 - height / top)
        out.append(
            f'<line class="aim" x1="{LEFT:.0f}" x2="{WIDTH - 10}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        out.append(text(LEFT + 4, y - 4, f"{name} {100 * height:.0f} %", style="soft"))
    return out
