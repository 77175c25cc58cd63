"""The false-hit rate of hits that come in clusters: many were served by the same cached entry.

One wrong entry can answer fifty calls, so fifty hits are not fifty trials. The bounds here resample
entries. A plain bootstrap knows only what it has seen: without a false hit its upper bound would be 0.
So one entry is added that was not seen (false in the upper bound, right in the lower one), and entries
are weighted as in the Bayesian bootstrap (Rubin 1981, https://doi.org/10.1214/aos/1176345338, checked
2026-11-24). Where each entry served once that *is* the exact interval of Clopper and Pearson, to the
last digit: k + 1 of n + 1 such weights have the distribution Beta(k + 1, n - k).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.layers.parts.interval import effective_trials, lower_bound, upper_bound

Int = NDArray[np.int64]
Float = NDArray[np.float64]
RESAMPLES = 2000
"""The bound's own noise is then about 1 % of it for the counts of hits that can prove anything."""


@dataclass(frozen=True)
class EntryHits:
    """Hits and false hits of each entry that served at all. A judged sample weighs its hits."""

    hits: Float  # [entry]
    false: Float  # [entry]

    @classmethod
    def of(cls, entry: Int, false: NDArray[np.bool_], weight: Float | None = None) -> EntryHits:
        """From one row a hit. `entry`: any codes of the entries that served."""
        _, code = np.unique(entry, return_inverse=True)
        hits = np.bincount(code, weight).astype(np.float64)
        wrong = np.where(false, 1.0 if weight is None else weight, 0.0)
        return cls(hits, np.bincount(code, wrong).astype(np.float64))

    @property
    def rate(self) -> float | None:
        """False hits over hits; None without a hit."""
        hits = float(self.hits.sum())
        return float(self.false.sum()) / hits if hits else None

    @property
    def each_served_once(self) -> bool:
        return bool(np.all(self.hits == 1))

    @property
    def effective(self) -> float:
        """Independent hits that would say as much."""
        hits, false = self.hits, self.false
        return effective_trials(
            len(hits),
            *map(float, (hits.sum(), false.sum(), false @ false, hits @ false, hits @ hits)),
        )

    def unseen(self, odd: Float) -> float:
        """Hits that the entry that was not seen counts for. `odd`: [entry] hits of its kind.

        Between 1 (siblings of an odd hit are as good as others) and the number of hits of a typical
        hit's entry (all siblings are odd too); by the share of siblings seen to be odd, with the
        unseen entry's own, all odd, added: few odd hits leave the cautious end.
        """
        total = float(self.hits.sum())
        typical = float((self.hits**2).sum()) / total
        more = max(typical - 1, 0.0)
        if not more:
            return typical
        odd_pairs = float((odd * np.maximum(odd - 1, 0)).sum())
        pairs = float((odd * np.maximum(self.hits - 1, 0)).sum())
        return 1 + (odd_pairs + more) / (pairs + more) * more

    def upper(self, rng: np.random.Generator, confidence: float = 0.95) -> float:
        """One-sided upper bound of the false-hit rate. No hits: 1."""
        if not len(self.hits):
            return 1.0
        if self.each_served_once:
            return float(upper_bound(self.false.sum(), self.hits.sum(), confidence))
        size = self.unseen(self.false)
        return float(np.quantile(self._shares(size, size, rng), confidence))

    def lower(self, rng: np.random.Generator, confidence: float = 0.95) -> float:
        """One-sided lower bound. No hits: 0."""
        if not len(self.hits):
            return 0.0
        if self.each_served_once:
            return float(lower_bound(self.false.sum(), self.hits.sum(), confidence))
        size = self.unseen(self.hits - self.false)
        return float(np.quantile(self._shares(size, 0.0, rng), 1 - confidence))

    def interval(self, rng: np.random.Generator, confidence: float = 0.95) -> tuple[float, float]:
        """Two-sided."""
        side = 1 - (1 - confidence) / 2
        return self.lower(rng, side), self.upper(rng, side)

    def _shares(self, hits: float, false: float, rng: np.random.Generator) -> Float:
        """[resample] false-hit rate of the entries and the one that was not seen.

        Entries alike share one draw: the sum of m exponential weights is one gamma(m).
        """
        alike, times = np.unique(np.stack((self.hits, self.false)), axis=1, return_counts=True)
        sizes, wrong = np.append(alike[0], hits), np.append(alike[1], false)
        weights = rng.standard_gamma(np.append(times, 1), size=(RESAMPLES, len(sizes)))
        return np.asarray((weights @ wrong) / (weights @ sizes))
