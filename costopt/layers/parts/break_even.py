"""How much more a cheaper model may work before it is the dearer one: extra steps, retries."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.billing.segment_counts import group_sums
from costopt.model.leaf import CACHE_READS, INPUT
from costopt.money import exact_sum

Int = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class BreakEven:
    """Over the sessions that a router touched. Below 0: it is dearer already."""

    sessions: int
    steps_per_session: float
    extra_steps_per_session: float
    """At the mean price of a step behind the router."""
    extra_late_steps_per_session: float
    """At the price of the sessions' last steps, where extra ones come: their context is the longest."""
    retries_per_moved_call: float
    """Each moved call asked so many times more."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def break_even(
    session: NDArray[np.int32], sent: Mask, moved: Mask, before_pusd: Int, after_pusd: Int
) -> BreakEven | None:
    """`before`, `after`: [call], the policy's overhead inside `after`. None: nothing was moved."""
    count = int(session.max(initial=-1)) + 1
    touched = np.bincount(session[moved], minlength=count) > 0
    sessions = int(touched.sum())
    if not sessions:
        return None
    saved = exact_sum(group_sums(before_pusd - after_pusd, session, count)[touched])
    inside = sent & touched[session]
    steps = int(inside.sum())
    last = np.zeros(count, np.int64)
    rows = np.flatnonzero(inside)
    last[session[rows]] = rows  # rows are in time order, so the last one stays
    late = exact_sum(after_pusd[last[touched]])
    spent = exact_sum(after_pusd[inside])
    retried = exact_sum(after_pusd[moved])
    return BreakEven(
        sessions, steps / sessions, _over(saved, spent / steps) / sessions,
        _over(saved, late / sessions) / sessions, _over(saved, retried),
    )  # fmt: skip


def _over(amount: float, by: float) -> float:
    return amount / by if by else 0.0


def cached_share(leaves: Int, rows: Mask) -> float | None:
    """Share of these calls' input read from the provider's cache. `leaves`: [call, leaf] as billed."""
    total = int(leaves[rows][:, INPUT].sum())
    return int(leaves[rows][:, list(CACHE_READS)].sum()) / total if total else None
