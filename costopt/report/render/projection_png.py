"""The waterfall and risk against savings as PNG: hatches and hollow points beside colours."""

from __future__ import annotations

from typing import Any

from costopt.model.escape import clean, fit
from costopt.report.card import Chart
from costopt.report.render.falls import bars_of, legend_of
from costopt.report.render.format import axis_texts, span_ticks, ticks
from costopt.report.render.spread_points import apart, heights, points_of

SOFT, FAINT = "#6b6b76", "#e3e3e8"
SURE, OPEN = "#009e73", "#e69f00"
STYLES: dict[str, dict[str, Any]] = {
    "total": {"facecolor": "#0072b2"},
    "verified": {"facecolor": SURE},
    "unproven": {"facecolor": "white", "edgecolor": OPEN, "hatch": "////", "linestyle": "--"},
    "rise": {"facecolor": "#d55e00", "edgecolor": "black", "linewidth": 0.7},
    "idle": {"facecolor": SOFT},
}
"""Okabe and Ito's colours, as in the other charts."""


LEAST = {"verified": 0.002, "unproven": 0.005, "rise": 0.005, "idle": 0.001}
"""Of the axis: a small step must be seen as what it is."""


def waterfall(chart: Chart, axes: Any) -> None:
    """A row a step, from top to bottom; each hangs where the one before ended."""
    from matplotlib.patches import Patch

    bars = bars_of(chart)
    ends = [v for bar in bars for v in (bar.start, bar.end)]
    low, high = min([*ends, 0.0]), max([*ends, 0.0]) or 1.0
    for row, bar in enumerate(bars):
        left, long = min(bar.start, bar.end), abs(bar.end - bar.start)
        axes.barh(
            row,
            max(long, LEAST.get(bar.style, 0.0) * high),
            left=left,
            height=0.64,
            **STYLES[bar.style],
        )
        axes.annotate(
            plain(bar.text), (left + long, row), xytext=(4, 0), textcoords="offset points",
            va="center", fontsize=8,
        )  # fmt: skip
        if row + 1 < len(bars) and bars[row + 1].is_step:
            axes.plot([bar.end, bar.end], [row, row + 1], color=SOFT, linewidth=0.7, zorder=0)
    axes.set_yticks(range(len(bars)), [plain(fit(bar.label, 34)) for bar in bars], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(low, high + 0.38 * (high - low))
    marks = span_ticks(low, high)
    axes.set_xticks(marks, [plain(t) for t in axis_texts(marks, chart.unit)], fontsize=8)
    axes.set_xlabel(chart.x_label, fontsize=9)
    axes.grid(axis="x", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    handles = [Patch(label=words, **STYLES[style]) for style, words in legend_of(bars)]
    if handles:
        _legend(axes, handles)


def _legend(axes: Any, handles: list[Any]) -> None:
    """Beneath the plot, where it covers nothing."""
    axes.figure.legend(
        handles=handles, frameon=False, fontsize=8, ncols=3, loc="outside lower left"
    )


def points(chart: Chart, axes: Any) -> None:
    """A point a layer with its interval; what nobody has measured stands in a strip at the right."""
    found = points_of(chart)
    known = [p for p in found if p.x is not None]
    marks = ticks(max([p.high for p in known], default=0.0) or 0.01)
    end = marks[-1]
    strip = 0.16 * end if len(known) < len(found) else 0.0
    low, high = heights(found)
    if strip:
        axes.axvspan(end * 1.03, end * 1.03 + strip, color="#f0f0f4", zorder=0)
        axes.text(end * 1.03 + strip / 2, high, "not measured", fontsize=7, ha="center", va="top")
    names = end * 1.06 + strip
    levels = apart([p.y for p in found], 0.06 * (high - low), low, high)
    for point, level in zip(found, levels, strict=True):
        x = end * 1.03 + strip / 2 if point.x is None else point.x
        face = SURE if point.is_sure else "white"
        axes.plot([x, names], [point.y, level], color=SOFT, linewidth=0.5, zorder=1)
        if point.x is not None and point.high > point.low:
            axes.plot([point.low, point.high], [point.y] * 2, color="#3a3a44", linewidth=1.2,
                      marker="|", markersize=7, zorder=2)  # fmt: skip
        axes.plot(
            x, point.y, marker="o" if point.is_sure else "D", markersize=7, zorder=3, linestyle="",
            markerfacecolor=face, markeredgecolor=SURE if point.is_sure else OPEN, markeredgewidth=1.6,
        )  # fmt: skip
        axes.annotate(plain(fit(point.label, 28)), (names, level), xytext=(3, 0),
                      textcoords="offset points", va="center", fontsize=8)  # fmt: skip
    _axes(chart, axes, marks, names, (low, high))


def _axes(
    chart: Chart, axes: Any, marks: list[float], names: float, ends: tuple[float, float]
) -> None:
    from matplotlib.lines import Line2D

    axes.set_xlim(-0.03 * marks[-1], names + 0.42 * marks[-1])
    axes.set_ylim(*ends)
    axes.set_xticks(marks, axis_texts(marks, chart.x_unit), fontsize=8)
    levels = span_ticks(*ends)
    axes.set_yticks(levels, [plain(t) for t in axis_texts(levels, chart.unit)], fontsize=8)
    axes.axhline(0, color=SOFT, linewidth=0.8, zorder=0)
    axes.set_xlabel(chart.x_label, fontsize=9, loc="left")
    axes.set_ylabel(plain(chart.y_label), fontsize=9)
    axes.grid(axis="y", color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    shapes = (("verified", "o", SURE, SURE), ("UNPROVEN", "D", "white", OPEN))
    handles = [
        Line2D([], [], linestyle="", marker=marker, markerfacecolor=face, markeredgecolor=edge, label=words)
        for words, marker, face, edge in shapes
    ]  # fmt: skip
    _legend(axes, handles)


def plain(text: str) -> str:
    """No mathtext: a `$` in a log's agent name is a dollar sign, not a formula."""
    return clean(text).replace("\\", "/").replace("$", r"\$")
