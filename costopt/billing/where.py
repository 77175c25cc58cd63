"""The standard breakdowns of a result, by the names of its JSON, and what the bill pays for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from costopt.billing.breakdown import breakdown
from costopt.billing.components import COMPONENTS, FEES, HIDDEN, NO_TEXT, OUTPUT, REASONING, parts
from costopt.billing.context import Attribution
from costopt.model.bill import Bill
from costopt.model.call import CallStatus, SegmentKind
from costopt.model.trace import Trace
from costopt.money import exact_group_sum, usd_float

STANDARD = {
    "by_model": ("provider", "model"),
    "by_agent": ("agent",),
    "by_task": ("task",),
    "by_tool": ("tool",),
    "by_workflow": ("workflow",),
    "by_user_segment": ("user_segment",),
    "by_tenant": ("tenant",),
    "by_step": ("step",),
    "by_day": ("day",),
}
_ALWAYS_SENT = (SegmentKind.TOOLS, SegmentKind.SYSTEM, HIDDEN)


def standard_breakdowns(
    trace: Trace, bill: Bill, attribution: Attribution, tz: str = "UTC"
) -> dict[str, list[dict[str, Any]]]:
    """`by_model`, `by_agent`, ... `by_component` and `paid_for`; each list sums to the bill."""
    out = {
        name: [r.to_json(dims) for r in breakdown(trace, bill, attribution, dims, tz)]
        for name, dims in STANDARD.items()
    }
    cells = component_cells(trace, bill, attribution)
    out["by_component"] = by_component(cells)
    out["paid_for"] = paid_for(cells)
    return out


@dataclass(frozen=True, slots=True)
class Cell:
    """Tokens and pico-dollars of one component, new or resent; the cached part beside the whole."""

    component: int
    resent: bool
    tokens: int
    cached_tokens: int
    pusd: int
    cached_pusd: int


def component_cells(trace: Trace, bill: Bill, attribution: Attribution) -> list[Cell]:
    """Component x new/resent x cached/fresh; dollars sum to the bill."""
    size = 2 * len(COMPONENTS)
    sums = np.zeros((4, size), object)
    for chunk in parts(trace, bill, attribution):
        served = trace.status[chunk.call] != CallStatus.GATEWAY_HIT
        code = chunk.component * 2 + chunk.resent
        columns = (
            np.where(served, chunk.tokens, 0), np.where(served, chunk.cached_tokens, 0),
            chunk.pusd, chunk.cached_pusd,
        )  # fmt: skip
        for i, values in enumerate(columns):
            sums[i] += np.array(exact_group_sum(values, code, size), object)
    cells = [Cell(c // 2, bool(c % 2), *(int(v) for v in sums[:, c])) for c in range(size)]
    return [c for c in cells if c.tokens or c.pusd]


def by_component(cells: list[Cell]) -> list[dict[str, Any]]:
    """One row a component, dearest first."""
    rows = []
    for number, name in enumerate(COMPONENTS):
        mine = [c for c in cells if c.component == number]
        if not mine:
            continue
        new, again = ([c for c in mine if c.resent == flag] for flag in (False, True))
        row = {
            "component": name,
            "new_tokens": sum(c.tokens for c in new),
            "resent_tokens": sum(c.tokens for c in again),
            "cached_tokens": sum(c.cached_tokens for c in mine),
            "usd": usd_float(sum(c.pusd for c in mine)),
            "new_fresh_usd": usd_float(sum(c.pusd - c.cached_pusd for c in new)),
            "new_cached_usd": usd_float(sum(c.cached_pusd for c in new)),
            "resent_fresh_usd": usd_float(sum(c.pusd - c.cached_pusd for c in again)),
            "resent_cached_usd": usd_float(sum(c.cached_pusd for c in again)),
        }
        rows.append((-sum(c.pusd for c in mine), number, row))
    return [row for _, _, row in sorted(rows, key=lambda r: r[:2])]


def paid_for(cells: list[Cell]) -> list[dict[str, Any]]:
    """The bill by what it buys, dearest first; sums to the bill."""
    sums: dict[str, int] = {}
    for cell in cells:
        what = _bought(cell)
        sums[what] = sums.get(what, 0) + cell.pusd
    ranked = sorted(sums.items(), key=lambda item: (-item[1], item[0]))
    return [{"what": what, "usd": usd_float(pusd)} for what, pusd in ranked if pusd]


def _bought(cell: Cell) -> str:
    if cell.component in (REASONING, FEES, NO_TEXT):
        return COMPONENTS[cell.component]
    if cell.component == OUTPUT:
        return "answers"
    if cell.component in _ALWAYS_SENT:
        return "system + tools"
    if not cell.resent:
        return "new input"
    again = cell.component == SegmentKind.TOOL_RESULT
    return "tool results again" if again else "history sent again"
