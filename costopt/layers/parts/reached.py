"""Reach-back as sums that add up over parts of a trace, and the risk that a layer reports from them.

Answers of one session are alike: what one of them needs the next one often needs too. So the interval
takes sessions as its trials.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from costopt.layers.parts.interval import RatioSums
from costopt.layers.parts.reach_back import ReachBack
from costopt.model.effect import Risk
from costopt.model.view import View

METRIC = "reach_back_rate"
_SUMS = ("clusters", "n", "x", "xx", "nx", "nn")


def reach_tally(view: View, affected: int, looked: ReachBack) -> dict[str, int]:
    """Counts of the calls that an edit made shorter: how many could be looked at, how many reach back."""
    sessions = len(view.trace.sessions)
    n = np.bincount(view.trace.session[looked.seen], minlength=sessions)
    x = np.bincount(view.trace.session[looked.reached], minlength=sessions)
    sums = RatioSums.of(n, x)
    return {
        "affected_calls": affected,
        "calls_without_text": affected - int(looked.seen.sum()),
        **{f"reach_{name}": getattr(sums, name) for name in _SUMS},
    }


def reach_rate(tally: Mapping[str, int]) -> float | None:
    """Share of the calls looked at whose answer uses what was left out; None: none was looked at."""
    n = tally.get("reach_n", 0)
    return tally["reach_x"] / n if n else None


def reach_risk(tally: Mapping[str, int]) -> Risk:
    """The rate with its interval over sessions, and what it was measured on."""
    sums = RatioSums(*(tally.get(f"reach_{name}", 0) for name in _SUMS))
    affected = tally.get("affected_calls", 0)
    if not affected:
        return Risk(METRIC, 0.0, (0.0, 0.0), "nothing was left out")
    if not sums.n:
        return Risk(METRIC, None, None, f"unverified: no text of the {affected:,} calls it touches")
    basis = f"answers of {sums.n:,} calls in {sums.clusters:,} sessions, interval over sessions"
    return Risk(METRIC, reach_rate(tally), sums.interval(), basis)


def within(tally: Mapping[str, int], most: float) -> bool:
    """The rate's upper bound is at most `most` even if every call that could not be looked at reaches
    back. Nothing left out: yes."""
    sums = RatioSums(*(tally.get(f"reach_{name}", 0) for name in _SUMS))
    affected = tally.get("affected_calls", 0)
    if not affected:
        return True
    return sums.interval()[1] * sums.n + affected - sums.n <= most * affected
