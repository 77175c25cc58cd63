"""Small parts of a terminal screen: money, shares, paragraphs, two columns side by side."""

from __future__ import annotations

import textwrap
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from costopt.model.escape import clean, fit, pad, width_of
from costopt.money import pico, show


def dollars(value: float, places: int = 2) -> str:
    """`$40,218.64`; under a cent keeps two significant digits, so nothing shows as $0.00."""
    return show(pico(Decimal(repr(value))), places)


def percent(part: float, whole: float) -> str:
    """`37 %`, `0.4 %` below one, `<0.1 %`; empty where the whole is 0."""
    if not whole:
        return ""
    value = 100 * part / whole
    if 0 < abs(value) < 0.1:
        return "<0.1 %"
    return f"{value:.0f} %" if abs(value) >= 1 or value == 0 else f"{value:.1f} %"


def plural(count: int, word: str) -> str:
    """`1 call`, `2,148 calls`."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def wrap(text: str, width: int, indent: str = "") -> list[str]:
    """Lines of at most `width` columns; continued lines are indented.

    textwrap counts characters: a line of wide (CJK) characters that comes out too long is cut.
    """
    lines = textwrap.wrap(clean(text), width, subsequent_indent=indent) or [""]
    return [fit(line, width) for line in lines]


def places_for(whole: float) -> int:
    """Decimals of a block of dollars: cents, and three significant digits where the whole is small."""
    if not whole:
        return 2
    return min(12, max(2, 2 - Decimal(repr(abs(whole))).adjusted()))


def units(values: list[float], whole: float, places: int) -> list[int]:
    """Each value in units of the last decimal, so that they sum to the rounded whole.

    Largest remainder: every value is its floor or one more. `whole` is what the values sum to.
    """
    exact = [Decimal(repr(v)).scaleb(places) for v in values]
    goal = int(Decimal(repr(whole)).scaleb(places).to_integral_value(ROUND_HALF_EVEN))
    floors = [int(e.to_integral_value(ROUND_FLOOR)) for e in exact]
    order = sorted(range(len(exact)), key=lambda i: (floors[i] - exact[i], i))
    for i in order[: max(0, goal - sum(floors))]:
        floors[i] += 1
    return floors


def unit_text(count: int, value: float, places: int) -> str:
    """`$1,234.50`; a value too small for the column is shown as below its last decimal."""
    step = Decimal(1).scaleb(-places)
    if not count and value:
        return f"<${step}"
    amount = count * step
    return f"-${-amount:,}" if amount < 0 else f"${amount:,}"


def amount_rows(
    rows: list[tuple[str, float | None]], whole: float, width: int, places: int | None = None
) -> list[str]:
    """`planner    $22,941.07   57 %` lines whose dollars sum to the whole as it is shown."""
    places = places_for(whole) if places is None else places
    values = [v or 0.0 for _, v in rows]
    counts = units(values, whole, places)
    money = [
        "unknown" if v is None else unit_text(c, v, places)
        for (_, v), c in zip(rows, counts, strict=True)
    ]
    room = max([len(m) for m in money], default=0)
    name_room = max(6, width - room - 8)
    return [
        f"{pad(name, name_room)} {m:>{room}} {'' if v is None else percent(v, whole):>6}"
        for (name, v), m in zip(rows, money, strict=True)
    ]


def side_by_side(left: list[str], right: list[str], width: int) -> list[str]:
    """Two blocks in columns; stacked where the screen is too narrow for both."""
    half = (width - 4) // 2
    if width < 76:
        return [*left, "", *right]
    rows = max(len(left), len(right))
    left = left + [""] * (rows - len(left))
    right = right + [""] * (rows - len(right))
    return [f"{pad(a, half)}    {fit(b, half)}".rstrip() for a, b in zip(left, right, strict=True)]


def spread(left: str, right: str, width: int) -> str:
    """Left text and right text on one line; the left one is cut where they would meet."""
    room = width - width_of(right) - 1
    return f"{pad(left, room)} {right}".rstrip()
