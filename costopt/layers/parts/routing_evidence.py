"""What the log says of two models: the same request answered by both, labelled right or wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.model.call import CallStatus
from costopt.model.trace import Categorical, Trace

Int = NDArray[np.int64]
Mask = NDArray[np.bool_]
LEAST_PAIRS = 100
"""Judged calls below which a loss is not called measured: none lost of 100 still bounds it at 3 % only."""
UNKNOWN = -1
_Z = 1.96
_RIGHT = frozenset({"true", "yes", "1", "1.0", "pass", "passed", "right", "correct", "ok"})
_WRONG = frozenset({"false", "no", "0", "0.0", "fail", "failed", "wrong", "incorrect"})
_MIX, _STEP = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9  # splitmix64's constants
CELLS = ("both", "lost", "gained", "neither")
"""Of a pair: right under both models, only the logged one, only the target, neither."""


def right_or_wrong(column: Categorical) -> NDArray[np.int8]:  # [call]
    """1 right, 0 wrong, UNKNOWN. A number is right from 0.5 on (a reward, a score of a judge)."""
    return np.array([_judged(v) for v in column.values], np.int8)[column.codes]


def _judged(text: str) -> int:
    word = text.strip().lower()
    if word in _RIGHT:
        return 1
    if word in _WRONG:
        return 0
    number = as_number(word)
    return UNKNOWN if number is None else int(number >= 0.5)


def as_number(text: str) -> float | None:
    """A finite number, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def request_keys(trace: Trace) -> Int:  # [call]
    """One number for each distinct request, in order of first sight; a call without content is alone."""
    block = trace.request
    starts = np.repeat(block.offsets[:-1], block.lengths)
    place = (np.arange(len(block.ids)) - starts + 1).astype(np.uint64)
    with np.errstate(over="ignore"):
        mixed = (block.ids.astype(np.uint64) + np.uint64(1)) * np.uint64(_MIX)
        mixed ^= mixed >> np.uint64(31)
        mixed = (mixed + place) * np.uint64(_STEP)
        mixed ^= mixed >> np.uint64(27)
        sums = np.concatenate((np.zeros(1, np.uint64), np.cumsum(mixed, dtype=np.uint64)))
        key = sums[block.offsets[1:]] - sums[block.offsets[:-1]]
    alone = ~trace.has_content | (block.lengths == 0)
    _, first, code = np.unique(key, return_index=True, return_inverse=True)
    code = code.reshape(-1).astype(np.int64)
    code[alone] = len(first) + np.flatnonzero(alone)
    _, first, code = np.unique(code, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return np.asarray(rank[code.reshape(-1)])


@dataclass(frozen=True)
class Labelled:
    """The calls' labels, and which calls ask the same."""

    trace: Trace
    right: NDArray[np.int8]  # [call]: 1, 0, UNKNOWN

    @classmethod
    def of(cls, trace: Trace, labels: Categorical | None) -> Labelled:
        if labels is None:
            return cls(trace, np.full(trace.n, UNKNOWN, np.int8))
        answered = trace.status == CallStatus.OK
        return cls(trace, np.where(answered, right_or_wrong(labels), UNKNOWN).astype(np.int8))

    @cached_property
    def key(self) -> Int:  # [call]
        """Equal requests have equal keys, in order of first sight."""
        return request_keys(self.trace)

    @property
    def later(self) -> Mask:  # [call]
        """Of the later half of the requests: a router is fitted on one half, judged on the other."""
        return self.key >= (int(self.key.max(initial=-1)) + 2) // 2

    def twin(self, of: Mask) -> Int:  # [call]
        """Row of the first call among `of` that asks the same; UNKNOWN: there is none."""
        rows = np.flatnonzero(of)
        if not len(rows):  # the usual case: nothing to look for
            return np.full(self.trace.n, UNKNOWN, np.int64)
        found = np.full(int(self.key.max(initial=-1)) + 1, UNKNOWN, np.int64)
        found[self.key[rows[::-1]]] = rows[::-1]  # the first one is written last
        return found[self.key]

    def twin_right(self, of: Mask) -> NDArray[np.int8]:  # [call]
        """Its label."""
        twin = self.twin(of & (self.right != UNKNOWN))
        return np.where(twin >= 0, self.right[twin], UNKNOWN).astype(np.int8)


def pair_tally(
    tier: str, labelled: Labelled, twin: NDArray[np.int8], rows: Mask, moved: Mask
) -> dict[str, int]:
    """Counts of judged calls by what the router did with them and what became of their answers."""
    judged = rows & (twin != UNKNOWN) & (labelled.right != UNKNOWN)
    cell = np.where(labelled.right == 1, np.where(twin == 1, 0, 1), np.where(twin == 1, 2, 3))
    return {
        f"{tier}.{word}.{name}": int((judged & (moved == did) & (cell == i)).sum())
        for did, word in ((True, "moved"), (False, "kept"))
        for i, name in enumerate(CELLS)
    }


@dataclass(frozen=True)
class Pairs:
    """Judged calls: [moved or kept, cell]."""

    table: Int  # [2, 4]

    @classmethod
    def of(cls, tally: Mapping[str, int], tiers: Iterable[str]) -> Pairs:
        rows = [
            [sum(tally.get(f"{t}.{word}.{c}", 0) for t in tiers) for c in CELLS]
            for word in ("moved", "kept")
        ]
        return cls(np.array(rows, np.int64))

    @property
    def moved(self) -> int:
        return int(self.table[0].sum())

    @property
    def judged(self) -> int:
        return int(self.table.sum())

    def loss(self) -> tuple[float, tuple[float, float]] | None:
        """(share of the moved calls whose right answer is lost, less those gained; its 95 % interval).

        Agresti and Min's interval for paired shares, https://doi.org/10.1002/sim.1781: half a pair is
        added to each cell, so that no loss among few calls is no proof of none.
        """
        _, lost, gained, _ = self.table[0].tolist()
        n = self.moved
        if not n:
            return None
        b, c, m = lost + 0.5, gained + 0.5, n + 2.0
        middle = (b - c) / m
        half = _Z * sqrt(max(b + c - (b - c) ** 2 / m, 0.0)) / m
        return (lost - gained) / n, (max(-1.0, middle - half), min(1.0, middle + half))


def beside_the_line(
    own: NDArray[np.int8], twin: NDArray[np.int8], moved: Mask, worth: Int
) -> dict[str, Any] | None:
    """A router beside always-small, always-large, random mixing that saves as much, and the oracle.

    All [judged call]: right under the logged model, right under the target, moved by the router, and what
    a move saves. Routers like to move short calls, which are easy and save little: so the straight
    line is drawn over savings, not over calls. `advantage`: accuracy above the line, with an interval by
    linearisation. `dearest_first` saves as much by moving the dearest calls until it does: what there is
    to gain without learning anything. None: nothing was judged.
    """
    n, total = len(own), float(worth.sum())
    if not n:
        return None
    change = twin.astype(np.float64) - own
    saves = worth / total * n if total > 0 else np.ones(n)
    share = float((saves * moved).sum()) / n
    drop, gain = float(change.mean()), float((change * moved).mean())
    influence = moved * change - gain - share * (change - drop) - drop * saves * (moved - share)
    half = _Z * float(influence.std()) / sqrt(n)
    large = float(own.mean())
    line = large + share * drop
    # All or none moved is a point of the line itself, whatever the last bits of a float say.
    better = 0 < int(moved.sum()) < n and large + gain - line - half > 0
    return {
        "judged_calls": n, "moved_share": float(moved.mean()), "saved_share": share,
        "always_large": large, "always_small": float(twin.mean()), "routed": large + gain,
        "random_mixing": line, "dearest_first": large + _dearest_first(change, saves, share),
        "oracle": float(np.maximum(own, twin).mean()),
        "advantage": large + gain - line,
        "advantage_ci95": [large + gain - line - half, large + gain - line + half],
        "verdict": "better than the line" if better else "not better than the line",
    }  # fmt: skip


def _dearest_first(change: NDArray[np.float64], saves: NDArray[np.float64], share: float) -> float:
    """What accuracy changes by; the last call counts by the part that is needed of it."""
    order = np.argsort(-saves, kind="stable")
    wanted = share * len(saves)
    before = np.cumsum(saves[order]) - saves[order]
    part = np.clip((wanted - before) / np.where(saves[order] > 0, saves[order], 1.0), 0.0, 1.0)
    return float((part * change[order]).mean())


def measured_ratio(measured: Mapping[str, Any], move: str, name: str) -> float | None:
    """What replays measured of a move: {moves: {"a -> b": {output_ratio, reasoning_ratio, ...}}}."""
    found = measured.get("moves", {}).get(move, {}).get(name)
    return None if found is None else float(found)
