"""How a cell is written for people, the same in every renderer."""

from __future__ import annotations

import math

from costopt.report.card import Cell, Kind, Table
from costopt.report.words import dollars, places_for, unit_text, units


def cell_text(value: Cell, kind: Kind) -> str:
    """`$4.20`, `12,345`, `62.0 %`, `1.10`; `—` for what is not known."""
    if value is None:
        return "—"
    if isinstance(value, str) or kind == "text":
        return str(value)
    if kind == "usd":
        return dollars(float(value))
    if kind == "share":
        return "<0.1 %" if 0 < value < 0.0005 else f"{100 * value:.1f} %"
    if kind == "count":
        return f"{value:,.0f}"
    return f"{value:,.2f}"


def table_texts(table: Table) -> tuple[list[list[str]], list[str] | None]:
    """(cells of every row, cells of the total). Dollars of a column share their decimals, and where
    there is a total its shown rows sum to it as shown."""
    columns = [_column(table, i, kind) for i, kind in enumerate(table.kinds)]
    rows = [list(row) for row in zip(*columns, strict=True)]
    return (rows[:-1], rows[-1]) if table.total else (rows, None)


def _column(table: Table, place: int, kind: Kind) -> list[str]:
    cells = [row[place] for row in table.rows]
    total = table.total[place] if table.total else None
    shown = [*cells, total] if table.total else cells
    if kind != "usd":
        return [cell_text(c, kind) for c in shown]
    values = [float(c) for c in cells if isinstance(c, (int, float))]
    whole = float(total) if isinstance(total, (int, float)) else None
    places = table.places
    if places is None:
        places = places_for(max([abs(v) for v in values], default=0.0) if whole is None else whole)
    counts = iter(units(values, sum(values) if whole is None else whole, places))
    if whole is None:
        counts = iter([round(v * 10**places) for v in values])
    texts = [
        unit_text(next(counts), float(c), places) if isinstance(c, (int, float)) else cell_text(c, kind)
        for c in cells
    ]  # fmt: skip
    if table.total:
        texts.append(cell_text(total, kind) if whole is None else _whole(whole, places))
    return texts


def _whole(value: float, places: int) -> str:
    return unit_text(units([value], value, places)[0], value, places)


def axis_texts(marks: list[float], kind: Kind) -> list[str]:
    """Short forms with the same decimals on a whole axis: `$0.05`, `$0.10`; `2k`, `4k`; `40 %`."""
    sign, end, scale, unit = ("$" if kind == "usd" else ""), "", 1.0, ""
    if kind == "share":
        end, scale = " %", 0.01
    top = max(abs(m) for m in marks)
    for limit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if top >= limit:
            scale, unit = limit, name
            break
    step = (marks[1] - marks[0] if len(marks) > 1 else marks[0] or 1.0) / scale
    places = next((p for p in range(10) if math.isclose(round(step, p), step, rel_tol=1e-6)), 10)
    return [
        f"{'-' if m < 0 else ''}{sign}{abs(m) / scale:,.{places}f}{unit if m else ''}{end}"
        for m in marks
    ]


def span_ticks(low: float, high: float, wanted: int = 4) -> list[float]:
    """Round axis values between `low` and `high`, 0 among them where it is between them."""
    step = ticks(max(high - low, 1e-12), wanted)[1]
    return [
        step * i for i in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    ]


def ticks(top: float, wanted: int = 4) -> list[float]:
    """Round axis values (1-2-5 steps) from 0 to at least `top`."""
    if top <= 0:
        return [0.0, 1.0]
    raw = top / wanted
    base = 10.0 ** math.floor(math.log10(raw))
    step = next(base * m for m in (1, 2, 5, 10) if base * m >= raw)
    # The small slack keeps float noise from adding a step above an exact multiple.
    return [step * i for i in range(math.ceil(top / step - 1e-9) + 1)]
