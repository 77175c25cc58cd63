"""The waterfall in SVG: horizontal, so that long names and many layers stay readable."""

from __future__ import annotations

from collections.abc import Callable

from costopt.model.escape import fit
from costopt.report.card import Chart
from costopt.report.render.falls import Bar, bars_of, legend_of
from costopt.report.render.format import axis_texts, span_ticks
from costopt.report.render.svg_parts import LABEL, WIDTH, box, legend, text, wide

Place = Callable[[float], float]
"""x of so many dollars."""
ROW = 28
TALL = 18
TOP = 10
TEXT_ROOM = 24
LEAST = {"verified": 1.5, "unproven": 4.0, "rise": 4.0, "idle": 1.0}
"""px of a bar: a small step must be seen as what it is."""
NARROWEST = 300
"""px of the plot that the longest text leaves at least."""


def waterfall(chart: Chart) -> tuple[str, float]:
    """(drawn, height)."""
    bars = bars_of(chart)
    ends = [v for bar in bars for v in (bar.start, bar.end)]
    low, high = min([*ends, 0.0]), max([*ends, 0.0])
    marks = span_ticks(low, high)
    # Texts stand right of their bars: each must fit behind its own.
    room = WIDTH - LABEL - TEXT_ROOM - max(_over(bar, low, high) for bar in bars)
    scale = room / ((high - low) or 1.0)

    def at(value: float) -> float:
        return LABEL + (value - low) * scale

    bottom = TOP + len(bars) * ROW
    parts = [_patterns(chart.name), _grid(chart, marks, bottom, at)]
    for i, bar in enumerate(bars):
        parts.append(_bar(bar, i, chart.name, at))
        if i + 1 < len(bars) and bars[i + 1].is_step:
            x, y = at(bar.end), TOP + i * ROW + TALL
            parts.append(
                f'<line class="link" x1="{x:.1f}" x2="{x:.1f}" y1="{y}" y2="{y + ROW - TALL}"/>'
            )
    parts.append(text(LABEL + room / 2, bottom + 36, chart.x_label, "middle"))
    entries = [(box(_style(style)[0]) if style != "unproven" else _hatched(chart.name), words)
               for style, words in legend_of(bars)]  # fmt: skip
    drawn, tall = legend(entries, bottom + 58)
    return "".join([*parts, drawn]), bottom + 44 + tall


def _over(bar: Bar, low: float, high: float) -> float:
    """How far the text of a bar would stand over the plot's end, were that as narrow as it gets."""
    free = (high - max(bar.start, bar.end)) / ((high - low) or 1.0) * NARROWEST
    return wide(bar.text) - free


def _bar(bar: Bar, row: int, name: str, place: Place) -> str:
    y = TOP + row * ROW
    low, high = sorted((bar.start, bar.end))
    x, long = place(low), max(place(high) - place(low), LEAST.get(bar.style, 0.0))
    style, fill = _style(bar.style)
    paint = f' fill="url(#{fill}-{name})"' if fill else ""
    return (
        text(LABEL - 8, y + 13, fit(bar.label, 28), "end")
        + f'<rect class="{style}"{paint} x="{x:.1f}" y="{y}" width="{long:.1f}" height="{TALL}"/>'
        + text(x + long + 6, y + 13, bar.text)
    )


def _style(style: str) -> tuple[str, str]:
    """(class, pattern): unproven is hatched with a dashed edge, so it is told without colour."""
    return {
        "total": ("w-total", ""), "verified": ("w-sure", ""),
        "unproven": ("w-open", "hatch"), "rise": ("w-rise", ""), "idle": ("w-idle", ""),
    }[style]  # fmt: skip


def _hatched(name: str) -> str:
    return f'<rect class="w-open" fill="url(#hatch-{name})" x="8" width="16" height="10"/>'


def _patterns(name: str) -> str:
    return (
        f'<defs><pattern id="hatch-{name}" width="6" height="6" patternUnits="userSpaceOnUse">'
        '<path class="w-line" d="M-1,1 l2,-2 M0,6 l6,-6 M5,7 l2,-2"/></pattern></defs>'
    )


def _grid(chart: Chart, marks: list[float], bottom: float, place: Place) -> str:
    parts = []
    for value, words in zip(marks, axis_texts(marks, chart.unit), strict=True):
        x = place(value)
        style = "zero" if value == 0 else "grid"
        parts.append(f'<line class="{style}" x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{bottom:.0f}"/>')
        parts.append(text(x, bottom + 16, words, "middle"))
    return "".join(parts)
