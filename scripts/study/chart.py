"""The picture: what is claimed as a band, what each log says as a mark."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from costopt.report.render.png import COLORS, DPI
from study import batch, composed, routing, semantic, tools, windows
from study.words import Figures, Mark

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "h")
BAND = "#d9d9d9"


@dataclass(frozen=True)
class Line:
    """A row of the chart: what is claimed, from and to, in percent."""

    label: str
    low: float | None
    high: float | None
    marks: list[Mark]


def lines(figures: Figures) -> list[Line]:
    return [
        Line("calls answered by a semantic cache", 30, 50, semantic.marks(figures["semantic"])),
        Line("... asked on every call, mostly other answers", 40, 100,
             semantic.every_marks(figures["semantic"])),
        Line("tasks simple enough for a small model", 79, 81, routing.marks(figures["routing"])),
        Line("answers that need only the last 8 turns", 99, 101, windows.marks(figures["windows"])),
        Line("bill saved by cutting tool results to 200", None, None, tools.marks(figures["tools"])),
        Line("bill saved by batching what nobody waits for", 49, 51, batch.marks(figures["batch"])),
        Line("bill saved by the stack that a log can back", 60, 80,
             composed.marks(figures["composed"], composed.CAREFUL)),
        Line("... if every assumption came true", 60, 80,
             composed.marks(figures["composed"], composed.HOPED)),
        Line("... to the letter, other answers and all", 60, 80,
             composed.marks(figures["composed"], composed.LETTER)),
    ]  # fmt: skip


def draw(figures: Figures, path: Path) -> None:
    """A PNG; the same figures give the same bytes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    rows = lines(figures)
    figure = Figure(figsize=(9.0, 1.4 + 0.62 * len(rows)), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    names = list(dict.fromkeys(m.log for row in rows for m in row.marks))
    for place, row in enumerate(rows):
        _row(axes, place, row, names)
    axes.set_yticks(range(len(rows)), [row.label for row in rows], fontsize=9)
    axes.invert_yaxis()
    axes.axvline(0, color="#000000", linewidth=0.8)
    axes.set_xlabel("percent; left of 0 the bill rises", fontsize=9)
    axes.set_title("Claimed (grey) and found, log by log", loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    _legend(axes, names)
    figure.savefig(path, metadata={"Software": None})


def _row(axes: Any, place: int, row: Line, names: list[str]) -> None:
    if row.low is not None and row.high is not None:
        axes.barh(place, row.high - row.low, left=row.low, height=0.74, color=BAND, zorder=0)
    for mark in row.marks:
        i = names.index(mark.log)
        high = 0.3 * (i / max(1, len(names) - 1) - 0.5) * 2
        axes.plot(
            mark.value, place + high, MARKERS[i % len(MARKERS)], color=COLORS[i % len(COLORS)],
            markersize=6, markerfacecolor="none" if mark.assumed else COLORS[i % len(COLORS)],
        )  # fmt: skip


def _legend(axes: Any, names: list[str]) -> None:
    for i, name in enumerate(names):
        axes.plot([], [], MARKERS[i % len(MARKERS)], color=COLORS[i % len(COLORS)], label=name)
    axes.plot(
        [], [], "o", color="#000000", markerfacecolor="none", label="hollow: assumed or unjudged"
    )
    axes.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.4, -0.12), ncols=4)
