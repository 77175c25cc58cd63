"""How a cell is written for people, the same in every renderer."""

from __future__ import annotations

import math

from costopt.report.card import Cell, Kind
from costopt.report.render.screen import dollars


def cell_text(value: Cell, kind: Kind) -> str:
    """`$4.20`, `12,345`, `62.0 %`, `1.10`; `—` for what is not known."""
    if value is None:
        return "—"
    if isinstance(value, str) or kind == "text":
        return str(value)
    if kind == "usd":
        return dollars(float(value))
    if kind == "share":
        return f"{100 * value:.1f} %"
    if kind == "count":
        return f"{value:,.0f}"
    return f"{value:,.2f}"


def axis_text(value: float, kind: Kind) -> str:
    """Short form for an axis: `$1.2k`, `3.4M`, `40 %`."""
    if kind == "share":
        return f"{100 * value:.0f} %"
    sign = "$" if kind == "usd" else ""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{sign}{value / limit:.3g}{unit}"
    return f"{sign}{value:.3g}"


def ticks(top: float, wanted: int = 4) -> list[float]:
    """Round axis values (1-2-5 steps) from 0 to at least `top`."""
    if top <= 0:
        return [0.0, 1.0]
    raw = top / wanted
    base = 10.0 ** math.floor(math.log10(raw))
    step = next(base * m for m in (1, 2, 5, 10) if base * m >= raw)
    # The small slack keeps float noise from adding a step above an exact multiple.
    return [step * i for i in range(math.ceil(top / step - 1e-9) + 1)]
