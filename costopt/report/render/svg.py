"""Charts as inline SVG: no script, no network, readable without hovering, safe for colour-blind eyes.

Colours come from the page's CSS classes `s0`..`s5` (Okabe-Ito order), so light and dark both work.
"""

from __future__ import annotations

from html import escape

from costopt.model.escape import clean, fit
from costopt.report.card import Chart
from costopt.report.render.format import cell_text, ticks
from costopt.report.render.svg_lines import HEIGHT, TOP, centers, frame, lines, x_labels
from costopt.report.render.svg_parts import COLORS, LABEL, WIDTH, box, legend, text
from costopt.report.render.svg_points import points
from costopt.report.render.svg_waterfall import waterfall

ROW = 24


def svg(chart: Chart) -> str:
    """One `<svg>` with a title and a description for screen readers."""
    draw = {
        "bars": _bars, "stack": _bars, "line": lines, "columns": _columns, "waterfall": waterfall,
        "points": points,
    }[chart.kind]  # fmt: skip
    body, height = draw(chart)
    title = escape(clean(chart.title))
    return (
        f'<svg role="img" viewBox="0 0 {WIDTH} {height:.0f}" aria-label="{title}">'
        f"<title>{title}</title>{body}</svg>"
    )


def _bars(chart: Chart) -> tuple[str, float]:
    """Horizontal bars, one a label; several series are stacked. The value stands at the end."""
    totals = [sum(s.values[i] or 0.0 for s in chart.series) for i in range(len(chart.labels))]
    top = max([*totals, 1e-12])
    room = WIDTH - LABEL - 110
    parts = []
    for i, label in enumerate(chart.labels):
        y = 8 + i * ROW
        parts.append(text(LABEL - 8, y + 14, fit(label, 28), "end"))
        x = float(LABEL)
        for k, series in enumerate(chart.series):
            wide = max(0.0, (series.values[i] or 0.0) / top * room)
            parts.append(
                f'<rect class="s{k % COLORS}" x="{x:.1f}" y="{y}" width="{wide:.1f}" height="18"/>'
            )
            x += wide
        parts.append(text(x + 6, y + 14, cell_text(totals[i], chart.unit)))
    height = 8 + len(chart.labels) * ROW
    entries = [(box(f"s{k % COLORS}"), s.name) for k, s in enumerate(chart.series)]
    drawn, tall = legend(entries, height + 16) if len(entries) > 1 else ("", 0.0)
    return "".join([*parts, drawn]), height + 8 + tall


def _columns(chart: Chart) -> tuple[str, float]:
    values = [v or 0.0 for v in chart.series[0].values]
    marks = ticks(max([*values, 0.0]))
    xs = centers(len(values))
    wide = max(1.0, (WIDTH - 80) / len(values) * 0.8)
    parts = [frame(chart, marks)]
    for x, value in zip(xs, values, strict=True):
        tall = HEIGHT * max(value, 0.0) / marks[-1]
        parts.append(
            f'<rect class="s0" x="{x - wide / 2:.1f}" y="{TOP + HEIGHT - tall:.1f}"'
            f' width="{wide:.1f}" height="{tall:.1f}"/>'
        )
    return "".join(parts) + x_labels(chart, xs), HEIGHT + 56
