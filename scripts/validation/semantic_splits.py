"""Random splits of look-ups: a threshold chosen on the first four fifths, judged on the last.

These are the product's own blocks; a split is another order of arrival. `Pairs`: each look-up has one
entry that could serve it. `Stream`: a cache fills as calls arrive, and goes on filling in the last block.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from costopt.layers.parts.graph import PPM, Arrivals, Rules
from costopt.layers.parts.interval import RatioSums, lower_bound
from costopt.layers.parts.look_ups import Replays
from costopt.layers.parts.threshold import Choice, Hits, block_ends, candidates, choices

Int = NDArray[np.int64]
SPLITS = 200
BOUNDS = (0.01, 0.02, 0.03, 0.1, 0.2)
TRUTH_ORDERS = 20
"""Orders of a stream that its true rates are averaged over."""


@dataclass(frozen=True)
class Drawn:
    """One order of the look-ups."""

    n: int
    nearest_ppm: Int  # [look-up]
    floor_ppm: int
    hits_of: Callable[[int], Hits]


class Cases(Protocol):
    """Look-ups that can be put in many orders."""

    def drawn(self, seed: int) -> Drawn: ...

    def truth(self, grid: Int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(hit rate, false-hit rate) of the last block at each threshold, in the long run."""
        ...


@dataclass(frozen=True)
class Pairs:
    """Similarity of each look-up to its only entry, and whether their answers differ."""

    ppm: Int
    false: NDArray[np.bool_]
    floor_ppm: int

    def drawn(self, seed: int) -> Drawn:
        order = np.random.default_rng(seed).permutation(len(self.ppm))
        ppm, false = self.ppm[order], self.false[order]

        def hits_of(threshold: int) -> Hits:
            rows = np.flatnonzero(ppm >= threshold)
            return Hits(rows, rows, false[rows])

        return Drawn(len(ppm), ppm, self.floor_ppm, cache(hits_of))

    def truth(self, grid: Int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        hits = (self.ppm[None] >= grid[:, None]).sum(1)
        false = (self.false[None] & (self.ppm[None] >= grid[:, None])).sum(1)
        return hits / len(self.ppm), false / np.maximum(hits, 1)


@dataclass(frozen=True)
class Stream:
    """All look-ups of a log in one scope, no ttl: first sight stores."""

    replays: Replays

    def drawn(self, seed: int) -> Drawn:
        arrivals = self.replays.look_ups.arrivals
        order = np.random.default_rng(seed).permutation(arrivals.n)
        key = arrivals.key[order]
        turned = Arrivals(arrivals.rows[order], key, arrivals.at_us, arrivals.ready_us)
        look_ups = replace(self.replays.look_ups, arrivals=turned)
        run = Replays(look_ups, self.replays.graph, self.replays.answers)
        hits_of = cache(lambda t: run.hits(Rules(threshold_ppm=t), replays=1000))
        return Drawn(arrivals.n, run.nearest_ppm(), self.replays.graph.floor_ppm, hits_of)

    def truth(self, grid: Int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        hits = np.zeros((len(grid), 2))
        looked = 0
        for seed in range(TRUTH_ORDERS):
            drawn = self.drawn(10_000 + seed)
            last = block_ends(drawn.n)[1]
            looked += drawn.n - last
            for i, threshold in enumerate(grid.tolist()):
                beyond = drawn.hits_of(threshold).between(last, drawn.n)
                hits[i] += beyond.hits.sum(), beyond.false.sum()
        return hits[:, 0] / looked, hits[:, 1] / np.maximum(hits[:, 0], 1)


@dataclass(frozen=True)
class Truth:
    """Rates in the long run by threshold."""

    grid: Int
    hit_rate: NDArray[np.float64]
    rate: NDArray[np.float64]
    tested: int
    """Look-ups of the block that tests."""

    def best(self, bound: float) -> float:
        """Largest hit rate of a threshold whose true rate keeps the bound."""
        keeps = (self.rate <= bound) & (self.hit_rate > 0)
        return float(self.hit_rate[keeps].max(initial=0.0))

    def provable(self, bound: float) -> bool:
        """A threshold with 0.7 of the best hits has so many, and so low a rate, that its test passes
        nine times in ten. Where none has, no honest rule finds one."""
        trials = np.maximum(self.hit_rate * self.tested, 1e-9)
        spread = np.sqrt(bound * (1 - bound) / trials)
        sure = self.rate + (1.645 + 1.282) * spread <= bound
        enough = trials >= np.log(0.05) / np.log1p(-bound)
        best = self.best(bound)
        return bool(np.any(sure & enough & (self.hit_rate >= 0.7 * best)) and best > 0)


@dataclass(frozen=True)
class Judged:
    """One bound over all splits."""

    bound: float
    found: float
    """Share of splits with a threshold."""
    above: float
    """Share of splits whose rate in the last block is significantly above the bound."""
    truly_above: float
    """Share of splits whose threshold has a rate above the bound in the long run."""
    hit_rate: float
    """Mean over splits, 0 where there was no threshold."""
    best: float
    """Largest hit rate at a true rate below the bound."""
    provable: bool
    """The log is large enough to prove it, see `Truth.provable`."""
    reason: str
    """Of the last split without a threshold."""


@dataclass(frozen=True)
class Split:
    """What became of one order and bound."""

    threshold_ppm: int | None
    above: bool
    hit_rate: float
    reason: str


def judged(cases: Cases, splits: int = SPLITS, bounds: tuple[float, ...] = BOUNDS) -> list[Judged]:
    """All bounds on the same splits."""
    n = cases.drawn(0).n
    grid = np.arange(cases.drawn(0).floor_ppm, PPM + 1, 10_000)
    truth = Truth(grid, *cases.truth(grid), block_ends(n)[1] - block_ends(n)[0])
    rows: dict[float, list[Split]] = {b: [] for b in bounds}
    for seed in range(splits):
        drawn = cases.drawn(seed)
        for bound, split in zip(bounds, _splits(drawn, bounds), strict=True):
            rows[bound].append(split)
    return [_judged(b, rows[b], truth) for b in bounds]


def _splits(drawn: Drawn, bounds: tuple[float, ...]) -> list[Split]:
    """As the product chooses, bound by bound."""
    tried = candidates(drawn.nearest_ppm[: block_ends(drawn.n)[0]], drawn.floor_ppm)
    return [_beyond(c, drawn) for c in choices(tried, drawn.hits_of, drawn.n, bounds)]


def _beyond(choice: Choice, drawn: Drawn) -> Split:
    """The clustered test of the last block."""
    if choice.threshold_ppm is None:
        return Split(None, False, 0.0, choice.reason)
    last = block_ends(drawn.n)[1]
    beyond = drawn.hits_of(choice.threshold_ppm).between(last, drawn.n)
    sums = RatioSums.of(beyond.hits, beyond.false)
    trials = sums.n if sums.clusters == sums.n else sums.effective
    above = sums.n > 0 and bool(lower_bound(trials * sums.x / sums.n, trials) > choice.bound)
    return Split(choice.threshold_ppm, above, sums.n / (drawn.n - last), "")


def _judged(bound: float, rows: list[Split], truth: Truth) -> Judged:
    best = truth.best(bound)
    found = [r.threshold_ppm for r in rows if r.threshold_ppm is not None]
    rates = np.interp(found, truth.grid, truth.rate) if found else np.zeros(0)
    return Judged(
        bound, len(found) / len(rows), float(np.mean([r.above for r in rows])),
        float((rates > bound).sum()) / len(rows), float(np.mean([r.hit_rate for r in rows])), best,
        truth.provable(bound), next((r.reason for r in reversed(rows) if r.reason), ""),
    )  # fmt: skip
