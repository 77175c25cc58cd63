"""Charts as inline SVG: no script, no network, readable without hovering, safe for colour-blind eyes.

Colours come from the page's CSS classes `s0`..`s5` (Okabe-Ito order), so light and dark both work.
"""

from __future__ import annotations

from html import escape

from costopt.model.escape import fit
from costopt.report.card import Chart
from costopt.report.render.format import axis_texts, cell_text, ticks

WIDTH = 720
ROW = 24
LABEL = 200
PLOT_HEIGHT = 220
COLORS = 6


def svg(chart: Chart) -> str:
    """One `<svg>` with a title and a description for screen readers."""
    draw = {"bars": _bars, "stack": _bars, "line": _line, "columns": _columns}[chart.kind]
    body, height = draw(chart)
    title = escape(chart.title)
    return (
        f'<svg role="img" viewBox="0 0 {WIDTH} {height}" aria-label="{title}">'
        f"<title>{title}</title>{body}</svg>"
    )


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _legend(chart: Chart, y: float) -> str:
    if len(chart.series) < 2:
        return ""
    parts, x = [], float(LABEL)
    for i, series in enumerate(chart.series):
        parts.append(
            f'<rect class="s{i % COLORS}" x="{x:.0f}" y="{y - 9:.0f}" width="10" height="10"/>'
        )
        parts.append(_text(x + 14, y, series.name))
        x += 24 + 7 * len(series.name)
    return "".join(parts)


def _bars(chart: Chart) -> tuple[str, float]:
    """Horizontal bars, one a label; several series are stacked. The value stands at the end."""
    totals = [sum(s.values[i] or 0.0 for s in chart.series) for i in range(len(chart.labels))]
    top = max([*totals, 1e-12])
    room = WIDTH - LABEL - 110
    parts = []
    for i, label in enumerate(chart.labels):
        y = 8 + i * ROW
        parts.append(_text(LABEL - 8, y + 14, fit(label, 30), "end"))
        x = float(LABEL)
        for k, series in enumerate(chart.series):
            wide = max(0.0, (series.values[i] or 0.0) / top * room)
            parts.append(
                f'<rect class="s{k % COLORS}" x="{x:.1f}" y="{y}" width="{wide:.1f}" height="18"/>'
            )
            x += wide
        parts.append(_text(x + 6, y + 14, cell_text(totals[i], chart.unit)))
    height = 8 + len(chart.labels) * ROW
    legend = _legend(chart, height + 16)
    return "".join(parts) + legend, height + (26 if legend else 6)


def _frame(chart: Chart, top: float) -> tuple[str, float]:
    """Horizontal grid lines with their values; returns the highest tick."""
    marks = ticks(top)
    parts = []
    for value, text in zip(marks, axis_texts(marks, chart.unit), strict=True):
        y = 12 + PLOT_HEIGHT * (1 - value / marks[-1])
        parts.append(f'<line class="grid" x1="70" x2="{WIDTH - 10}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(64, y + 4, text, "end"))
    parts.append(_text((70 + WIDTH) / 2, PLOT_HEIGHT + 48, chart.x_label, "middle"))
    return "".join(parts), marks[-1]


def _x_labels(chart: Chart, centers: list[float]) -> str:
    every = max(1, -(-len(chart.labels) // 10))
    shown = list(enumerate(chart.labels))[::every]
    return "".join(_text(centers[i], PLOT_HEIGHT + 30, label, "middle") for i, label in shown)


def _centers(count: int) -> list[float]:
    room = WIDTH - 80
    return [70 + room * (i + 0.5) / count for i in range(count)]


def _columns(chart: Chart) -> tuple[str, float]:
    values = [v or 0.0 for v in chart.series[0].values]
    frame, top = _frame(chart, max([*values, 0.0]))
    centers = _centers(len(values))
    wide = max(1.0, (WIDTH - 80) / len(values) * 0.8)
    parts = [frame]
    for x, value in zip(centers, values, strict=True):
        tall = PLOT_HEIGHT * max(value, 0.0) / top
        parts.append(
            f'<rect class="s0" x="{x - wide / 2:.1f}" y="{12 + PLOT_HEIGHT - tall:.1f}"'
            f' width="{wide:.1f}" height="{tall:.1f}"/>'
        )
    return "".join(parts) + _x_labels(chart, centers), PLOT_HEIGHT + 56


def _line(chart: Chart) -> tuple[str, float]:
    known = [v for s in chart.series for v in s.values if v is not None]
    frame, top = _frame(chart, max([*known, 0.0]))
    centers = _centers(len(chart.labels))
    parts = [frame]
    for k, series in enumerate(chart.series):
        points = " ".join(
            f"{x:.1f},{12 + PLOT_HEIGHT * (1 - v / top):.1f}"
            for x, v in zip(centers, series.values, strict=True)
            if v is not None
        )
        parts.append(f'<polyline class="l{k % COLORS}" points="{points}"/>')
    legend = _legend(chart, PLOT_HEIGHT + 66)
    return "".join(parts) + _x_labels(chart, centers) + legend, PLOT_HEIGHT + (76 if legend else 56)
