"""Risk against savings in SVG: a point a layer, its interval as a span, its name beside it."""

from __future__ import annotations

from costopt.model.escape import fit
from costopt.report.card import Chart
from costopt.report.render.format import axis_texts, span_ticks, ticks
from costopt.report.render.spread_points import Point, apart, heights, points_of
from costopt.report.render.svg_parts import WIDTH, legend, text

HEIGHT = 260
LEFT, TOP = 76.0, 14.0
AXIS = 62.0
"""Where the grid begins: a point at no risk stands clear of the numbers."""
NAMES = 190.0
"""Room for names at the right of the plot."""
STRIP = 92.0
"""For points whose risk nobody has measured."""


def points(chart: Chart) -> tuple[str, float]:
    """(drawn, height)."""
    found = points_of(chart)
    known = [p for p in found if p.x is not None]
    strip = STRIP if len(known) < len(found) else 0.0
    right = WIDTH - NAMES - strip
    xs = ticks(max([p.high for p in known], default=0.0) or 0.01)
    low, high = heights(found)
    places = [
        (right + strip / 2 if p.x is None else LEFT + p.x / xs[-1] * (right - LEFT),
         TOP + HEIGHT * (high - p.y) / (high - low))
        for p in found
    ]  # fmt: skip
    parts = [_frame(chart, xs, (low, high), right, strip)]
    parts += [
        _point(p, x, y, (right - LEFT) / xs[-1]) for p, (x, y) in zip(found, places, strict=True)
    ]
    parts += _names(found, places, right + strip)
    entries = [
        (_shape(14, 5, sure), words)
        for words, sure in (("verified", True), ("UNPROVEN", False))
        if any(p.is_sure == sure for p in found)
    ]
    drawn, tall = legend(entries, TOP + HEIGHT + 64, LEFT)
    return "".join([*parts, drawn]), TOP + HEIGHT + 52 + tall


def _point(point: Point, x: float, y: float, scale: float) -> str:
    span = ""
    if point.x is not None and point.high > point.low:
        x1, x2 = LEFT + point.low * scale, LEFT + point.high * scale
        span = (
            f'<path class="span" d="M{x1:.1f},{y:.1f} H{x2:.1f} M{x1:.1f},{y - 5:.1f} v10'
            f' M{x2:.1f},{y - 5:.1f} v10"/>'
        )
    return span + _shape(x, y, point.is_sure)


def _shape(x: float, y: float, is_sure: bool) -> str:
    """A filled disc or a hollow diamond: told apart without colour."""
    if is_sure:
        return f'<circle class="p-sure" cx="{x:.1f}" cy="{y:.1f}" r="5.5"/>'
    return f'<path class="p-open" d="M{x:.1f},{y - 7:.1f} l7,7 -7,7 -7,-7 z"/>'


def _names(found: list[Point], places: list[tuple[float, float]], right: float) -> list[str]:
    """In a column at the right, each with a thin line to its point."""
    levels = apart([y for _, y in places], 17, TOP, TOP + HEIGHT)
    out = []
    for point, (x, y), at in zip(found, places, levels, strict=True):
        out.append(
            f'<path class="link" d="M{x + 8:.1f},{y:.1f} L{right + 6:.1f},{at:.1f} h6"/>'
            + text(right + 16, at + 4, fit(point.label, 25))
        )
    return out


def _frame(
    chart: Chart, xs: list[float], ends: tuple[float, float], right: float, strip: float
) -> str:
    low, high = ends
    ys = span_ticks(low, high)
    parts = []
    for value, words in zip(ys, axis_texts(ys, chart.unit), strict=True):
        y = TOP + HEIGHT * (high - value) / (high - low)
        style = "zero" if value == 0 else "grid"
        parts.append(
            f'<line class="{style}" x1="{AXIS:.0f}" x2="{right + strip:.0f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        parts.append(text(AXIS - 6, y + 4, words, "end"))
    for value, words in zip(xs, axis_texts(xs, chart.x_unit), strict=True):
        parts.append(
            text(LEFT + value / xs[-1] * (right - LEFT), TOP + HEIGHT + 18, words, "middle")
        )
    if strip:
        parts.append(
            f'<rect class="strip" x="{right + 4:.0f}" y="{TOP:.0f}" width="{strip - 4:.0f}"'
            f' height="{HEIGHT}"/>'
        )
        parts.append(text(right + strip / 2, TOP + 14, "not measured", "middle", "soft"))
    parts.append(text((LEFT + right) / 2, TOP + HEIGHT + 38, chart.x_label, "middle"))
    return "".join(parts)
