"""Shares of answers that come in sessions: how sure one is, and how sure that it is above another.

Answers of one session are not independent trials. The interval is that of the effective number of trials
(`layers.parts.interval`): Wilson's, below `EXACT_BELOW` trials the exact one. For the difference of two
shares the two intervals are joined by Newcombe's hybrid (1998, method 10,
https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8%3C873::AID-SIM779%3E3.0.CO;2-I, checked 2026-11-25),
which stays honest at no and at few disagreements. It takes the shares as independent; where both
were asked about the same calls that makes it wider, never narrower.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.layers.parts.interval import clopper_pearson, effective_trials, wilson

EXACT_BELOW = 40
"""Effective trials below which Wilson's interval may cover less than it says (Brown, Cai and DasGupta 2001,
https://doi.org/10.1214/ss/1009213286, checked 2026-11-25)."""
MOST_NEEDED = 100_000
"""More answers than that settle nothing that anybody would wait for."""


@dataclass(frozen=True, slots=True)
class Share:
    """Hits among trials. Weighed trials keep their number, and count for less."""

    trials: int
    rate: float
    """Weighed, where trials are."""
    effective: float
    """Independent trials that would say as much."""
    clusters: int
    hits: int = 0
    """Counted, whatever they weigh."""

    @classmethod
    def of(
        cls, hit: Sequence[bool], cluster: Sequence[int], weight: Sequence[float] | None = None
    ) -> Share:
        """One entry a trial. No trials: a share of which nothing is known."""
        n = len(hit)
        if not n:
            return cls(0, 0.0, 0.0, 0)
        w = np.ones(n) if weight is None else np.asarray(weight, np.float64)
        kish = float(w.sum() ** 2 / (w * w).sum())
        w = w * kish / w.sum()
        _, code = np.unique(np.asarray(cluster), return_inverse=True)
        size = np.bincount(code, w).astype(np.float64)
        found = np.bincount(code, w * np.asarray(hit, np.float64)).astype(np.float64)
        clusters = len(size)
        effective = kish if clusters == n else _effective(size, found)
        rate = min(1.0, float(found.sum() / w.sum()))
        return cls(n, rate, effective, clusters, sum(map(bool, hit)))

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Two-sided; 0 to 1 where there is no trial."""
        bounds = clopper_pearson if self.effective < EXACT_BELOW else wilson
        hits = min(self.rate * self.effective, self.effective)
        low, high = bounds(hits, self.effective, confidence)
        return float(low), float(high)


def excess(over: Share, floor: Share, confidence: float = 0.95) -> tuple[float, float]:
    """Two-sided interval of `over.rate - floor.rate`."""
    low, high = over.interval(confidence)
    floor_low, floor_high = floor.interval(confidence)
    found = over.rate - floor.rate
    below = math.hypot(over.rate - low, floor_high - floor.rate)
    above = math.hypot(high - over.rate, floor.rate - floor_low)
    return max(-1.0, found - below), min(1.0, found + above)


def changed_at_most(over: Share, floor: Share) -> float:
    """Upper end of the share of answers that change, among those that could show it.

    An answer that differs by chance anyway shows no change (Abbott 1925,
    https://doi.org/10.1093/jee/18.2.265a, checked 2026-11-25): where nearly all do, no excess is no
    agreement. 1 where none could show one.
    """
    shows = 1.0 - floor.rate
    high = excess(over, floor)[1]
    return min(1.0, max(0.0, high) / shows) if shows > 1e-9 else 1.0


def answers_needed(over: Share, floor: Share | None, tolerance: float) -> int | None:
    """Further answers that would settle whether `over` lies above `floor`, or within `tolerance` of it.

    The shares are taken to stay what they are and the answers to come in sessions as they did, the floor's
    in proportion. None: already settled, or more than `MOST_NEEDED`.
    """
    if not over.trials:
        return _without_a_miss(tolerance)
    for factor in _FACTORS:
        more = _times(over, factor)
        rest = None if floor is None else _times(floor, factor)
        if _settled(more, rest, tolerance):
            needed = math.ceil(over.trials * factor) - over.trials
            return needed if 0 < needed <= MOST_NEEDED else None
    return None


def _settled(over: Share, floor: Share | None, tolerance: float) -> bool:
    if floor is None:
        return over.interval()[1] <= tolerance
    return excess(over, floor, 0.90)[0] > 0 or changed_at_most(over, floor) <= tolerance


_FACTORS = np.exp(np.arange(0, math.log(2000), 0.05)).tolist()
"""Steps of 5 %: nobody orders answers more finely."""


def _times(share: Share, factor: float) -> Share:
    n = math.ceil(share.trials * factor)
    return Share(n, share.rate, share.effective * factor, math.ceil(share.clusters * factor))


def _without_a_miss(tolerance: float) -> int | None:
    """Agreeing answers of as many sessions whose upper end would be within the tolerance."""
    if not 0 < tolerance < 1:
        return None
    for n in range(1, 2000):
        if Share(n, 0.0, float(n), n).interval()[1] <= tolerance:
            return n
    return None


def _effective(size: NDArray[np.float64], found: NDArray[np.float64]) -> float:
    """[cluster] weights of trials and of hits."""
    n, x = float(size.sum()), float(found.sum())
    sums = [float((a * b).sum()) for a, b in ((found, found), (size, found), (size, size))]
    # A rounding error above all hits would leave a share that is neither 1 nor below it.
    x = n if n - x < 1e-9 * n else x
    return effective_trials(len(size), n, x, *sums)
