"""Figures as words and tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Figures = dict[str, Any]
NOTHING = "-"


@dataclass(frozen=True)
class Headline:
    """A row of the first table."""

    claim: str
    found: str
    verdict: str


@dataclass(frozen=True)
class Mark:
    """A figure of one log on the chart, in percent. `assumed`: it stands on something unmeasured."""

    log: str
    value: float
    assumed: bool = False


def pct(share: float | None, digits: int = 1) -> str:
    """A share, 0 to 1."""
    return NOTHING if share is None else f"{_flat(100 * share, digits):.{digits}f} %"


def usd(dollars: float) -> str:
    """A saving: a rise is negative."""
    digits = 4 if abs(dollars) < 0.1 else 2
    value = _flat(dollars, digits)
    return f"-${-value:,.{digits}f}" if value < 0 else f"${value:,.{digits}f}"


def saved(figures: Figures) -> str:
    """Of the bill, with the 95 % interval, or why there is none."""
    if figures["pct"] is None:
        return NOTHING
    value = f"{_signed(_flat(figures['pct'], 1))} %"
    ends = figures["ci95"]
    if ends is None:
        return f"{value} (no interval)"
    low, high = (_flat(end, 1) for end in ends)
    return value if low == high else f"{value} ({_signed(low)} to {_signed(high)})"


def rate(value: float | None, ci95: Sequence[float] | None, at_most: bool = False) -> str:
    """A risk with its interval. `at_most`: of free text, what differs at all counts."""
    if value is None:
        return NOTHING
    ends = "" if ci95 is None else f" ({100 * ci95[0]:.0f} to {100 * ci95[1]:.0f})"
    return f"{'up to ' if at_most else ''}{100 * value:.0f} %{ends}"


def span(values: Iterable[float | None], unit: str = " %", digits: int = 0) -> str:
    """Least to most."""
    known = [_flat(v, digits) for v in values if v is not None]
    if not known:
        return NOTHING
    low, high = f"{min(known):.{digits}f}", f"{max(known):.{digits}f}"
    return f"{low}{unit}" if low == high else f"{low} to {high}{unit}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Markdown: the first column to the left, the others to the right."""
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows)]


def named(name: str, all_logs: Figures) -> str:
    """A log's name; a star where its usage was counted from text."""
    return f"{name} \\*" if all_logs[name]["usage"] == "estimated" else name


def _signed(value: float) -> str:
    return f"{value:+.1f}" if value else "0.0"


def _flat(value: float, digits: int) -> float:
    """Rounded, and never a negative zero."""
    return round(value, digits) + 0.0
