"""Random splits of look-ups: a threshold chosen on the first half, judged on the second.

`Pairs`: each look-up has one entry that could serve it. `Stream`: a cache fills as calls arrive, and goes
on filling beyond the fitted half; a split is another order of arrival.
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
from costopt.layers.parts.threshold import Hits, block_ends, candidates, choose

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
        """(hit rate, false-hit rate) of the second half at each threshold, in the long run."""
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

        return Drawn(len(ppm), ppm, self.floor_ppm, hits_of)

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
            half = drawn.n // 2
            looked += drawn.n - half
            for i, threshold in enumerate(grid.tolist()):
                beyond = drawn.hits_of(threshold).between(half, drawn.n)
                hits[i] += beyond.hits.sum(), beyond.false.sum()
        return hits[:, 0] / looked, hits[:, 1] / np.maximum(hits[:, 0], 1)


@dataclass(frozen=True)
class Judged:
    """One bound over all splits."""

    bound: float
    found: float
    """Share of splits with a threshold."""
    above: float
    """Share of splits whose rate beyond the fitted half is significantly above the bound."""
    hit_rate: float
    """Mean over splits, 0 where there was no threshold."""
    best: float
    """Largest hit rate at a true rate below the bound."""
    provable: bool
    """At the best threshold's true rate and number of hits the test would pass on average."""
    reason: str
    """Of the last split without a threshold."""


def judged(cases: Cases, splits: int = SPLITS, bounds: tuple[float, ...] = BOUNDS) -> list[Judged]:
    """All bounds on the same splits."""
    grid = np.arange(cases.drawn(0).floor_ppm, PPM + 1, 5_000)
    hit_rate, rate = cases.truth(grid)
    rows: dict[float, list[tuple[bool, bool, float, str]]] = {b: [] for b in bounds}
    half = 0
    for seed in range(splits):
        drawn = cases.drawn(seed)
        half = drawn.n // 2
        for bound in bounds:
            rows[bound].append(_split(drawn, half, bound))
    return [_judged(b, rows[b], hit_rate, rate, half) for b in bounds]


def _split(drawn: Drawn, half: int, bound: float) -> tuple[bool, bool, float, str]:
    """(a threshold was found, its rate is significantly above the bound, hit rate, why not)."""
    tried = candidates(drawn.nearest_ppm[: block_ends(half)[0]], drawn.floor_ppm)
    choice = choose(tried, drawn.hits_of, half, bound)
    if choice.threshold_ppm is None:
        return False, False, 0.0, choice.reason
    beyond = drawn.hits_of(choice.threshold_ppm).between(half, drawn.n)
    sums = RatioSums.of(beyond.hits, beyond.false)
    trials = sums.n if sums.clusters == sums.n else sums.effective
    above = sums.n > 0 and float(lower_bound(trials * sums.x / sums.n, trials, 0.95)) > bound
    return True, above, sums.n / (drawn.n - half), ""


def _judged(
    bound: float, rows: list[tuple[bool, bool, float, str]],
    hit_rate: NDArray[np.float64], rate: NDArray[np.float64], half: int,
) -> Judged:  # fmt: skip
    keeps = (rate <= bound) & (hit_rate > 0)
    best = float(hit_rate[keeps].max(initial=0.0))
    return Judged(
        bound, float(np.mean([r[0] for r in rows])), float(np.mean([r[1] for r in rows])),
        float(np.mean([r[2] for r in rows])), best, _provable(hit_rate, rate, half, bound, best),
        next((r[3] for r in reversed(rows) if r[3]), ""),
    )  # fmt: skip


def _provable(
    hit_rate: NDArray[np.float64], rate: NDArray[np.float64], half: int, bound: float, best: float
) -> bool:
    """Some threshold that has 0.7 of the best hits has so many of them, and so low a true rate, that
    its test would pass nine times in ten. Where none has, no honest rule can find one."""
    tests = np.diff(block_ends(half))[0]
    trials = np.maximum(hit_rate * tests, 1e-9)
    spread = np.sqrt(bound * (1 - bound) / trials)
    sure = rate + (1.645 + 1.282) * spread <= bound
    enough = trials >= np.log(0.05) / np.log1p(-bound)
    return bool(np.any(sure & enough & (hit_rate >= 0.7 * best) & (best > 0)))
