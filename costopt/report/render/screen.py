"""Small parts of a terminal screen: rows of dollars, paragraphs, two columns side by side."""

from __future__ import annotations

import textwrap

from costopt.model.escape import clean, fit, pad, width_of
from costopt.report.words import dollars, percent, places_for, plural, unit_text, units

__all__ = [
    "amount_rows",
    "dollars",
    "percent",
    "places_for",
    "plural",
    "side_by_side",
    "spread",
    "wrap",
]


def wrap(text: str, width: int, indent: str = "") -> list[str]:
    """Lines of at most `width` columns; continued lines are indented.

    textwrap counts characters: a line of wide (CJK) characters that comes out too long is cut.
    """
    lines = textwrap.wrap(clean(text), width, subsequent_indent=indent, break_on_hyphens=False)
    return [fit(line, width) for line in lines or [""]]


def packed(head: str, parts: list[str], width: int) -> list[str]:
    """Commands on as few lines as they fit, none of them broken unless it alone is too long."""
    lines = [head + clean(parts[0])]
    for part in map(clean, parts[1:]):
        if width_of(lines[-1]) + width_of(part) + 5 <= width:
            lines[-1] += f"  ·  {part}"
        else:
            lines.append(" " * len(head) + part)
    indent = " " * len(head)
    return [
        piece
        for line in lines
        for piece in (wrap(line, width, indent) if width_of(line) > width else [line])
    ]


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
        f"{pad(name, name_room)} {m:>{room}} {'' if v is None else percent(v, whole):>6}".rstrip()
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
