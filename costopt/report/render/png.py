"""The charts as PNG files: 2x, labelled, colours that colour-blind readers can tell apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from costopt.model.escape import fit
from costopt.model.result import Result
from costopt.report.card import Card, Chart, build_cards
from costopt.report.render.curve_png import curve, is_curve, targets
from costopt.report.render.format import axis_texts, cell_text, ticks
from costopt.report.render.projection_png import plain as _plain
from costopt.report.render.projection_png import points, waterfall

# Okabe and Ito, "Color Universal Design", https://jfly.uni-koeln.de/color/ (checked 2026-11-24).
COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
DPI = 200
ROWS = ("bars", "stack", "waterfall")
"""Kinds with a row a label: the more labels, the taller."""
MARKERS, DASHES = ("o", "s", "^", "D"), ("-", "--", ":", "-.")
"""Colour never carries meaning alone."""


def png_report(result: Result, folder: Path) -> list[Path]:
    """Write one PNG a chart into `folder` (made if missing); returns the paths."""
    import matplotlib

    matplotlib.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    charts = [c for card in build_cards(result) if isinstance(card, Card) for c in card.charts]
    return [_draw(chart, folder / f"{chart.name}.png") for chart in charts]


def _draw(chart: Chart, path: Path) -> Path:
    from matplotlib.figure import Figure

    tall = 1.2 + 0.32 * len(chart.labels) if chart.kind in ROWS else 3.6
    figure = Figure(figsize=(7.5, tall), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    if is_curve(chart):
        curve(chart, axes, COLORS)
    else:
        draw = {
            "bars": _bars, "stack": _bars, "line": _line, "columns": _columns,
            "waterfall": waterfall, "points": points,
        }  # fmt: skip
        draw[chart.kind](chart, axes)
    axes.set_title(chart.title, loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    if len(chart.series) > 1 and chart.kind != "points":
        place = "lower right"
        if is_curve(chart):
            place = "upper right" if targets(chart) else "best"
        axes.legend(frameon=False, fontsize=8, loc=place)
    # Without metadata the same result gives the same bytes.
    figure.savefig(path, metadata={"Software": None})
    return path


def _bars(chart: Chart, axes: Any) -> None:
    labels = [_plain(fit(label, 34)) for label in chart.labels]
    left = [0.0] * len(labels)
    places = range(len(labels))
    for i, series in enumerate(chart.series):
        values = [v or 0.0 for v in series.values]
        axes.barh(places, values, left=left, color=COLORS[i % 6], label=series.name)
        left = [a + b for a, b in zip(left, values, strict=True)]
    for place, total in zip(places, left, strict=True):
        axes.annotate(
            _plain(cell_text(total, chart.unit)), (total, place), xytext=(4, 0),
            textcoords="offset points", va="center", fontsize=8,
        )  # fmt: skip
    axes.set_yticks(list(places), labels, fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(right=max([*left, 0.0]) * 1.14 or 1.0)
    marks = ticks(max([*left, 0.0]))
    axes.set_xticks(marks, _texts(marks, chart), fontsize=8)
    axes.set_xlabel(chart.x_label, fontsize=9)


def _line(chart: Chart, axes: Any) -> None:
    for i, series in enumerate(chart.series):
        values = [float("nan") if v is None else v for v in series.values]
        axes.plot(
            range(len(values)), values, color=COLORS[i % 6], label=series.name, linewidth=2,
            linestyle=DASHES[i % 4], marker=MARKERS[i % 4] if len(values) < 30 else None,
            markersize=4,
        )  # fmt: skip
    _over_labels(chart, axes)


def _columns(chart: Chart, axes: Any) -> None:
    values = [v or 0.0 for v in chart.series[0].values]
    axes.bar(range(len(values)), values, color=COLORS[0])
    _over_labels(chart, axes)


def _over_labels(chart: Chart, axes: Any) -> None:
    every = max(1, -(-len(chart.labels) // 10))
    places = list(range(len(chart.labels)))[::every]
    axes.set_xticks(places, [_plain(chart.labels[i]) for i in places], fontsize=8)
    known = [v for s in chart.series for v in s.values if v is not None]
    marks = ticks(max([*known, 0.0]))
    axes.set_yticks(marks, _texts(marks, chart), fontsize=8)
    axes.set_ylim(0, marks[-1])
    axes.set_xlabel(chart.x_label, fontsize=9)
    axes.set_ylabel(chart.y_label, fontsize=9)
    axes.grid(axis="y", color="#e3e3e8", linewidth=0.8)
    axes.set_axisbelow(True)


def _texts(marks: list[float], chart: Chart) -> list[str]:
    return [_plain(text) for text in axis_texts(marks, chart.unit)]
