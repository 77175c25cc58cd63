"""The screen of `costopt replay --plan-only`: what would be sent, what it costs, what it can prove."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from costopt.model.escape import pad, width_of
from costopt.model.replayed import ReplayInfo
from costopt.model.result import Result
from costopt.report.render.screen import dollars, packed, places_for, plural, wrap
from costopt.report.render.terminal import checklist_line
from costopt.report.words import unit_text, units

MAX_STRATUM = 18
WHOLE = "whole bill"
"""Of calls that were drawn for the bill as a whole, not for a layer."""


def plan_screen(result: Result, info: ReplayInfo, width: int, go_on: str) -> list[str]:
    """The lines. `go_on`: the command that sends it."""
    head = f"PLANNED, nothing was sent · {info.endpoint} · {plural(info.planned, 'request')}"
    lines = wrap(head, width, "  ")
    if info.origin == "recorded":
        lines += wrap(info.statement, width, "  ")
    lines += ["", *_table(info, width), ""]
    places = places_for(info.worst_usd)
    price = (
        f"Expected {dollars(info.expected_usd, places)}, at worst {dollars(info.worst_usd, places)}"
    )
    price += f", budget {dollars(info.budget_usd)}" if info.budget_usd is not None else ""
    lines += wrap(price if info.worst_usd else "It costs nothing: your own machine.", width, "  ")
    for row in info.left_out:
        lines += wrap(
            f"LEFT OUT  {plural(row['calls'], 'call')}: {row['reason']}", width, "          "
        )
    for layer in info.layers:
        if layer.says == "not_measured" and layer.why:
            lines += wrap(f"NO REQUEST  {layer.layer}: {layer.why}", width, "            ")
    lines += [part for note in info.notes for part in wrap(f"NOTE  {note}", width, "      ")]
    lines += ["", *checklist_line(result, width)]
    return [*lines, *(packed("Next  ", [go_on], width) if go_on else [])]


def _table(info: ReplayInfo, width: int) -> list[str]:
    """A row a stratum and arm; expected and worst sum to the totals as shown. Below: what it proves."""
    rows = info.sample
    places = places_for(info.worst_usd)
    money = [
        _money([row[key] for row in rows], total, places)
        for key, total in (("expected_usd", info.expected_usd), ("worst_usd", info.worst_usd))
    ]  # fmt: skip
    texts = [
        (str(r["stratum"] or WHOLE), str(r["arm"]), f"{r['calls']:,}", f"{r['of']:,}", a, b)
        for r, a, b in zip(rows, money[0][:-1], money[1][:-1], strict=True)
    ]  # fmt: skip
    total = ("together", "", f"{sum(r['calls'] for r in rows):,}", "", money[0][-1], money[1][-1])
    head = ("STRATUM", "arm", "requests", "of calls", "expected", "at worst")
    rooms = [max(width_of(t[i]) for t in (head, *texts, total)) for i in range(len(head))]
    rooms[0] = min(rooms[0], MAX_STRATUM)
    lines = [_line(head, rooms)]
    last = ""
    for text, row in zip(texts, rows, strict=True):
        shown = ("", *text[1:]) if text[0] == last else text
        lines.append(_line(shown, rooms))
        if row.get("proves") and text[0] != last:
            lines += [f"    {part}" for part in wrap(str(row["proves"]), width - 4)]
        last = text[0]
    return [*lines, _line(total, rooms)]


def _line(cells: Sequence[str], rooms: Sequence[int]) -> str:
    """Names left, figures right."""
    named = [pad(cells[0], rooms[0]), pad(cells[1], rooms[1])]
    figures = [f"{c:>{r}}" for c, r in zip(cells[2:], rooms[2:], strict=True)]
    return " ".join([*named, *figures]).rstrip()


def _money(values: list[Any], total: float, places: int) -> list[str]:
    counts = units([float(v) for v in values], total, places)
    texts = [unit_text(n, float(v), places) for n, v in zip(counts, values, strict=True)]
    return [*texts, unit_text(units([total], total, places)[0], total, places)]
