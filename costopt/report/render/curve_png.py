"""A curve over thresholds as PNG: the thresholds at their true distances, targets as thin lines.

The general line chart puts labels side by side at equal distances; a curve that is coarse below 0.9 and
fine above it would get a bend that is not there.
"""

from __future__ import annotations

from typing import Any

from costopt.report.card import Chart

CURVES = "threshold_curve"
"""Charts whose name begins so are of semantic caches."""
MARKERS, DASHES = ("o", "s", "^", "v"), ("-", "--", ":", "-.")
"""Colour never carries meaning alone."""
TARGETS = ((0.40, "target"), (0.20, "retune below"))
"""The usual advice for the hit rate of a semantic cache."""


def is_curve(chart: Chart) -> bool:
    """Drawn here and not as a line over labels."""
    return chart.kind == "line" and chart.x_unit != "text"


def targets(chart: Chart) -> tuple[tuple[float, str], ...]:
    """Heights that a hit rate is held against; of other curves none."""
    return TARGETS if chart.name.startswith(CURVES) else ()


def curve(chart: Chart, axes: Any, colors: tuple[str, ...]) -> None:
    """The chart's series over its labels as numbers."""
    from matplotlib.ticker import PercentFormatter

    at = [float(label) for label in chart.labels]
    for i, series in enumerate(chart.series):
        values = [float("nan") if v is None else v for v in series.values]
        alone = sum(v is not None for v in series.values) == 1
        axes.plot(
            at, values, color=colors[i % len(colors)], label=series.name, linewidth=2,
            linestyle=DASHES[i % 4], marker="D" if alone else MARKERS[i % 4],
            markersize=8 if alone else 3, zorder=4 if alone else 3,
        )  # fmt: skip
    aims = targets(chart)
    for height, name in aims:
        axes.axhline(height, color="#9a9aa5", linewidth=0.8, linestyle=(0, (4, 3)))
        axes.annotate(
            f"{name} {100 * height:.0f} %", (at[0], height), xytext=(0, 2), textcoords="offset points",
            fontsize=7, color="#5c5c66",
        )  # fmt: skip
    known = [v for s in chart.series for v in s.values if v is not None]
    axes.set_ylim(0, min(1.02, max([*known, *(height for height, _ in aims)]) * 1.15))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.tick_params(labelsize=8)
    axes.set_xlabel(chart.x_label, fontsize=9)
    axes.set_ylabel(chart.y_label, fontsize=9)
    axes.grid(axis="y", color="#e3e3e8", linewidth=0.8)
    axes.set_axisbelow(True)
