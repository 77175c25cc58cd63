"""Small parts of a terminal screen: money, shares, paragraphs, two columns side by side."""

from __future__ import annotations

import textwrap
from decimal import Decimal

from costopt.model.escape import clean, fit, pad, width_of
from costopt.money import pico, show


def dollars(value: float, places: int = 2) -> str:
    """`$40,218.64`; under a cent keeps two significant digits, so nothing shows as $0.00."""
    return show(pico(Decimal(repr(value))), places)


def percent(part: float, whole: float) -> str:
    """`37 %`, or `0.4 %` below one; empty where the whole is 0."""
    if not whole:
        return ""
    value = 100 * part / whole
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


def amount_rows(rows: list[tuple[str, float]], whole: float, width: int) -> list[str]:
    """`planner    $22,941.07   57 %` lines: names left, dollars and shares right-aligned."""
    money = [dollars(v) for _, v in rows]
    room = max([len(m) for m in money], default=0)
    name_room = max(6, width - room - 8)
    return [
        f"{pad(name, name_room)} {m:>{room}} {percent(v, whole):>6}"
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
