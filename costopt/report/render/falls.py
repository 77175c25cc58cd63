"""A waterfall as bars with their texts, the same for every renderer that draws one."""

from __future__ import annotations

from dataclasses import dataclass

from costopt.report.card import Chart
from costopt.report.words import places_for, unit_text, units

MORE_PLACES = 4
STYLES = ("total", "verified", "unproven", "rise", "idle")
LEGEND = {
    "verified": "saved, verified", "unproven": "saved if it holds, UNPROVEN",
    "rise": "raises the bill",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bar:
    """From `start` to `end` on the axis of dollars; `style` is one of STYLES."""

    label: str
    start: float
    end: float
    style: str
    text: str
    is_step: bool


def bars_of(chart: Chart) -> list[Bar]:
    """Steps hang where the one before ended; texts share their decimals, so they add up as shown."""
    values = [v or 0.0 for v in chart.series[0].values]
    places = _places(values, chart.marks)
    texts = _texts(values, chart.marks, places)
    bars, level = [], 0.0
    for label, value, mark, text in zip(chart.labels, values, chart.marks, texts, strict=True):
        is_step = mark != "total"
        start, level = (level, level + value) if is_step else (0.0, value)
        style = "rise" if is_step and value > 0 else mark
        said = f"{text}, changes no call" if mark == "idle" else text
        if mark == "unproven":
            said += " UNPROVEN"
        bars.append(Bar(label, start, level, style, said, is_step))
    return bars


def legend_of(bars: list[Bar]) -> list[tuple[str, str]]:
    """(style, words) of the styles that a reader meets."""
    there = {bar.style for bar in bars if bar.end != bar.start}
    return [(style, words) for style, words in LEGEND.items() if style in there]


def _places(values: list[float], marks: list[str]) -> int:
    bill = places_for(max(map(abs, values), default=0.0))
    steps = [abs(v) for v, mark in zip(values, marks, strict=True) if mark != "total"]
    return min(bill + MORE_PLACES, max(bill, places_for(max(steps, default=0.0))))


def _texts(values: list[float], marks: list[str], places: int) -> list[str]:
    """`$1.03`, `▼ $0.29`, `▲ $0.01 more`."""
    steps = [v for v, mark in zip(values, marks, strict=True) if mark != "total"]
    counts = iter(units(steps, sum(steps), places))
    out = []
    for value, mark in zip(values, marks, strict=True):
        if mark == "total":
            out.append(unit_text(units([value], value, places)[0], value, places))
            continue
        count = next(counts)
        sign = "▲ " if value > 0 else "▼ " if value < 0 else ""
        text = unit_text(abs(count), abs(value), places)
        out.append(f"{sign}{text}{' more' if value > 0 else ''}")
    return out
