"""Batch eligibility by call group: why its calls may wait, how many, and what they cost today."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.namespace import combined
from costopt.model.view import View
from costopt.money import exact_sum, usd_float

WHY = ("named in the policy", "named like background work", "starts at the same hours every day")
MOST_GROUPS = 20
"""Shown in the evidence, dearest first; the others are summed."""
_PREFIX = "group"
_SEPARATOR = "\x1f"
"""Stands in no name that a person wrote."""


def group_tally(
    view: View, chosen: NDArray[np.bool_], pusd: NDArray[np.int64], why: NDArray[np.int8]
) -> dict[str, int]:
    """Calls and pico-dollars of each (agent, task, reason), as tallies that add up."""
    agent, task = view.trace.dims["agent"], view.trace.dims["task"]
    code = combined([agent.codes, task.codes, why], view.trace.n)
    rows = np.flatnonzero(chosen)
    order = rows[np.argsort(code[rows], kind="stable")]
    out: dict[str, int] = {}
    for group in np.split(order, np.flatnonzero(np.diff(code[order])) + 1):
        first = int(group[0])
        names = (agent.values[agent.codes[first]], task.values[task.codes[first]])
        key = _SEPARATOR.join((_PREFIX, *names, str(int(why[first]))))
        out[key + _SEPARATOR + "calls"] = len(group)
        out[key + _SEPARATOR + "pusd"] = int(exact_sum(pusd[group]))
    return out


def group_rows(tally: Mapping[str, int]) -> list[dict[str, Any]]:
    """The groups of summed tallies, dearest first; names are the log's own."""
    found: dict[tuple[str, str, str], dict[str, int]] = {}
    for key, value in tally.items():
        head, *rest = key.split(_SEPARATOR)
        if head == _PREFIX and len(rest) == 4:
            agent, task, why, what = rest
            found.setdefault((agent, task, why), {})[what] = value
    rows: list[dict[str, Any]] = [
        {"agent": agent, "task": task, "why": WHY[int(why)], "calls": sums["calls"],
         "usd": usd_float(sums["pusd"])}
        for (agent, task, why), sums in sorted(found.items())
    ]  # fmt: skip
    rows.sort(key=lambda row: (-row["usd"], row["agent"], row["task"]))
    others = rows[MOST_GROUPS:]
    if others:
        more = {"calls": sum(r["calls"] for r in others), "usd": sum(r["usd"] for r in others)}
        rows = [
            *rows[:MOST_GROUPS],
            {"agent": f"{len(others)} more", "task": "", "why": "", **more},
        ]
    return rows
