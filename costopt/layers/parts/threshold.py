"""`threshold: auto`: the threshold that serves most with a false-hit rate proven to be below a bound.

Three blocks of time. The first ranks thresholds by their chance to be proven. The second tests them,
from the best ranked one down, strictest first, and stops at the first failure (a fixed sequence: all
tests together err with 5 % at most, whatever the shape of the curve). The third only reports. Each
threshold is a replay of its own: a greedy cache is not monotone in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.layers.parts.clustered import EntryHits
from costopt.layers.parts.graph import PPM
from costopt.layers.parts.interval import trials_needed, upper_bound

Int = NDArray[np.int64]
Float = NDArray[np.float64]

BLOCKS = (0.2, 0.6, 0.2)
"""Shares of the look-ups that rank, test and report: docs/decisions/semantic-threshold.md."""
STEP = 1.1
"""Each candidate serves about a tenth more of the first block than the one before: at the chosen one
no more than a tenth of the hits is lost to the grid."""
FEWEST = 5
"""Hits of the first block at the strictest candidate. Three times as many in the second prove 20 %."""
CONFIDENCE = 0.95
_TIDY_PPM = 100
"""Thresholds are written with four decimals."""
_MOST = 10**9


@dataclass(frozen=True)
class Hits:
    """Who was served at one threshold. Hits whose answers cannot be compared are left out."""

    at: Int  # [hit]: place of the look-up among all, in time order
    entry: Int  # [hit]: code of the entry that served it
    false: NDArray[np.bool_]  # [hit]
    weight: Float | None = None  # [hit]: hits that a judged one stands for

    def between(self, first: int, last: int) -> EntryHits:
        """Those of the look-ups first to last - 1, by entry."""
        rows = (self.at >= first) & (self.at < last)
        weight = None if self.weight is None else self.weight[rows]
        return EntryHits.of(self.entry[rows], self.false[rows], weight)


@dataclass(frozen=True)
class Tested:
    """One test of the second block."""

    threshold: float
    hits: float
    false: float
    upper: float
    """Of the false-hit rate, one-sided, 95 %."""
    passed: bool


@dataclass(frozen=True)
class HeldOut:
    """What the third block says of the chosen threshold. It has decided nothing."""

    look_ups: int
    hits: float
    false: float
    rate: float | None
    ci95: tuple[float, float] | None
    drifted: bool
    """Significantly above the bound: later calls are not like earlier ones."""


@dataclass(frozen=True)
class Choice:
    """The threshold in millionths, or None with the reason."""

    threshold_ppm: int | None
    reason: str
    bound: float
    hits_needed: int | None = None
    """Hits in a log that could prove the bound at the best candidate; None: chosen, or no number would."""
    tested: tuple[Tested, ...] = field(default=())
    held_out: HeldOut | None = None

    def evidence(self) -> dict[str, Any]:
        """As the result JSON shows it, beside the layer's own figures."""
        held = self.held_out
        return {
            "threshold": None if self.threshold_ppm is None else self.threshold_ppm / PPM,
            "threshold_reason": self.reason,
            "hits_needed": self.hits_needed,
            "tested": [vars(t) for t in map(_plain, self.tested)],
            "held_out": None if held is None else dict(vars(_plain(held))),
        }


def block_ends(look_ups: int) -> tuple[int, int]:
    """Where the second and the third block begin."""
    return round(look_ups * BLOCKS[0]), round(look_ups * (BLOCKS[0] + BLOCKS[1]))


def candidates(nearest_ppm: Int, floor_ppm: int) -> tuple[int, ...]:
    """Thresholds to rank, strictest first.

    `nearest_ppm`: of each look-up of the first block the similarity to its nearest earlier key;
    below `floor_ppm` where it has none that could serve.
    """
    found = np.sort(nearest_ppm[nearest_ppm >= floor_ppm])[::-1]
    ranks, k = [], float(FEWEST)
    while k < len(found):
        ranks.append(int(k))
        k = max(k + 1, k * STEP)
    tidy = np.array([*found[np.array(ranks, np.int64) - 1], floor_ppm], np.int64)
    tidy = np.maximum(tidy // _TIDY_PPM * _TIDY_PPM, floor_ppm)
    return tuple(sorted(set(tidy.tolist()), reverse=True))


def choose(
    thresholds_ppm: Sequence[int], hits_of: Callable[[int], Hits], look_ups: int, bound: float,
    seed: int = 0,
) -> Choice:  # fmt: skip
    """The loosest threshold that keeps the bound. `thresholds_ppm`: from `candidates`.

    `hits_of` replays all look-ups at one threshold; it is asked once for each.
    """
    return choices(thresholds_ppm, hits_of, look_ups, (bound,), seed)[0]


def choices(
    thresholds_ppm: Sequence[int], hits_of: Callable[[int], Hits], look_ups: int,
    bounds: Sequence[float], seed: int = 0,
) -> list[Choice]:  # fmt: skip
    """`choose` for several bounds, which share replays and upper bounds."""
    replayed = cache(hits_of)
    ends = (*block_ends(look_ups), look_ups)
    ordered = sorted(set(thresholds_ppm), reverse=True)
    first = [replayed(t).between(0, ends[0]) for t in ordered]

    @cache
    def measured(threshold: int) -> tuple[float, float, float]:
        hits = replayed(threshold).between(*ends[:2])
        upper = hits.upper(np.random.default_rng((seed, threshold)), CONFIDENCE)
        return float(hits.hits.sum()), float(hits.false.sum()), upper

    return [_chosen(ordered, first, measured, replayed, ends, b, seed) for b in bounds]


def _chosen(
    ordered: list[int], first: Sequence[EntryHits],
    measured: Callable[[int], tuple[float, float, float]], replayed: Callable[[int], Hits],
    ends: tuple[int, int, int], bound: float, seed: int,
) -> Choice:  # fmt: skip
    promise = _promise(first, bound)
    if not np.any(promise > -np.inf):
        return _too_few(first, bound)
    sequence = ordered[int(np.argmax(promise)) :]
    tested: list[Tested] = []
    for threshold in sequence:
        hits, false, upper = measured(threshold)
        tested.append(Tested(threshold / PPM, hits, false, upper, upper <= bound))
        if not tested[-1].passed:
            break
    return _told(tested, sequence, replayed, ends, bound, seed)


def _promise(first: Sequence[EntryHits], bound: float) -> Float:  # [threshold]
    """How likely the second block proves the bound, told by the first one's hits: standard deviations
    between the false hits to expect and those allowed. -inf: too few hits, even without a false one.

    Only ranks: an error here costs hits, it cannot make a test pass.
    """
    seen = np.array([hits.effective for hits in first])
    rate = np.array([hits.rate or 0.0 for hits in first])
    trials = seen * BLOCKS[1] / BLOCKS[0]
    allowed = _allowed(trials, bound)
    share = (rate * seen + 0.5) / (seen + 1)
    spread = np.sqrt(trials * share * (1 - share) * (1 + trials / (seen + 2)))
    reach = (allowed + 0.5 - trials * share) / np.maximum(spread, 1e-9)
    return np.where(allowed >= 0, reach, -np.inf)


def _allowed(trials: Float, bound: float) -> Float:
    """About the most false hits that would still prove the bound; -1: not even without one."""
    if bound <= 0:
        return np.full(len(trials), -1.0)
    z = NormalDist().inv_cdf(CONFIDENCE)
    most = np.floor(trials * bound - z * np.sqrt(trials * bound * (1 - bound)))
    return np.where(trials >= trials_needed(bound, CONFIDENCE), np.maximum(most, 0), -1)


def _told(
    tested: list[Tested], ordered: Sequence[int], replayed: Callable[[int], Hits],
    ends: tuple[int, int, int], bound: float, seed: int,
) -> Choice:  # fmt: skip
    """The passed threshold with the most hits, and the third block's word on it."""
    passed = [(t.hits, -i) for i, t in enumerate(tested) if t.passed]
    if not passed:
        return _failed(tested, replayed(ordered[0]).between(0, ends[1]), bound)
    place = -max(passed)[1]
    chosen, test = ordered[place], tested[place]
    rng = np.random.default_rng((seed, chosen, 3))
    held = _held_out(replayed(chosen).between(*ends[1:]), ends[2] - ends[1], bound, rng)
    reason = (
        f"{test.false:g} of {test.hits:g} hits of the second block were false: at most "
        f"{test.upper:.2%} with 95 % confidence"
    )
    if held.drifted:
        reason += "; the later calls are significantly above the bound, so it may not last"
    return Choice(chosen, reason, bound, None, tuple(tested), held)


def _held_out(hits: EntryHits, look_ups: int, bound: float, rng: np.random.Generator) -> HeldOut:
    total, false = float(hits.hits.sum()), float(hits.false.sum())
    interval = hits.interval(rng) if total else None
    drifted = total > 0 and hits.lower(rng, CONFIDENCE) > bound
    return HeldOut(look_ups, total, false, hits.rate, interval, drifted)


def _failed(tested: list[Tested], hits: EntryHits, bound: float) -> Choice:
    """The first test failed: by its rate, or for want of hits. `hits`: of both blocks."""
    test = tested[0]
    share = float(hits.false.sum() / hits.hits.sum()) if len(hits.hits) else 0.0
    needed = _hits_needed(share, bound, hits)
    at = (
        f"at the most promising threshold, {test.threshold:.4f}, {test.false:g} of {test.hits:g} "
        f"hits were false: up to {test.upper:.1%} with 95 % confidence, above {bound:.3g}"
    )
    more = "" if needed is None else f"; at this rate {needed} hits could prove it"
    return Choice(None, at + more, bound, needed, tuple(tested))


def _too_few(first: Sequence[EntryHits], bound: float) -> Choice:
    """Not even without a false hit could a threshold be proven."""
    most = max((float(h.hits.sum()) for h in first), default=0.0) / BLOCKS[0]
    alone = trials_needed(bound, CONFIDENCE) if bound > 0 else None
    needed = None if alone is None else math.ceil(alone / BLOCKS[1])
    if alone is None:
        return Choice(None, "no number of hits proves a false-hit rate of 0", bound)
    reason = (
        f"a bound of {bound:.3g} needs {alone} hits of different entries without a false one in the "
        f"block that tests, so about {needed} in the log; at its loosest this one has about {most:.0f}"
    )
    return Choice(None, reason, bound, needed)


def _hits_needed(share: float, bound: float, hits: EntryHits) -> int | None:
    """Hits in a whole log that would prove the bound at this share; None: no number would."""
    if share >= bound:
        return None
    low, high = 1, _MOST
    while low < high:
        middle = (low + high) // 2
        proven = upper_bound(share * middle, middle, CONFIDENCE) <= bound
        low, high = (low, middle) if proven else (middle + 1, high)
    alike = float(hits.hits.sum()) / hits.effective if len(hits.hits) else 1.0
    return math.ceil(low * alike / BLOCKS[1])


def _plain(row: Any) -> Any:
    """Figures as the JSON shows them: rounded where more digits would be noise."""
    if isinstance(row, Tested):
        return replace(row, upper=round(row.upper, 6))
    if row.ci95 is None:
        return row
    return replace(row, rate=round(row.rate, 6), ci95=[round(v, 6) for v in row.ci95])
