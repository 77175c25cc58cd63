"""In what order the calls of a layer are drawn: spread over its strata and over sessions, seeded.

An order, not a set: a larger sample begins with the smaller one, so what a sample costs only rises with
its size, and `the largest affordable sample` means something. Nothing here depends on the order of rows.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.namespace import combined
from costopt.model.trace import Trace

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
MOST_STRATA = 40
"""Of one layer: with more, most would have no call in a sample; the finest parts that fit are taken."""
MOST_ORDERED = 50_000
"""Calls of a layer put in order: more than any sample tries."""
STRETCH = 3
"""Consecutive calls of a session that show what the provider's cache does between them."""


@dataclass(frozen=True)
class Pool:
    """Calls that may be drawn for one layer, in order; `stratum` numbers them for their weights."""

    rows: Int
    stratum: Int  # [row]
    population: Int  # [stratum]: calls of the log

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(zip(self.rows.tolist(), self.stratum.tolist(), strict=True))


@dataclass(frozen=True)
class Chances:
    """Seeded numbers that belong to calls and sessions, wherever they stand."""

    call: NDArray[np.uint64]  # [call]
    session: NDArray[np.uint64]  # [session]

    @classmethod
    def of(cls, trace: Trace, seed: int) -> Chances:
        """By identity: of a call its key, of a session the least of its calls'."""
        state = np.full(
            trace.n, (seed * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) % 2**64, np.uint64
        )
        for lane in (0, 1):
            state = _mixed(state ^ trace.key[:, lane])
        session = np.full(len(trace.sessions), np.iinfo(np.uint64).max, np.uint64)
        np.minimum.at(session, trace.session, state)
        return cls(state, _mixed(session))


def pool(trace: Trace, rows: Int, keys: Sequence[Int], cluster: Int, chances: Chances) -> Pool:
    """`rows` in drawing order. `keys`: [call] columns, the most wanted first; `cluster`: [call]."""
    code = _strata(keys, rows, trace.n)
    order = _spread(code, cluster[rows], chances.call[rows])
    sizes = np.bincount(code, minlength=int(code.max(initial=-1)) + 1)
    # The first of every stratum stand together: which one begins is the seed's.
    queues = [order[code[order] == s] for s in range(len(sizes))]
    taken = _interleaved(sizes, [int(chances.call[rows[q[0]]]) for q in queues])
    place = np.zeros(len(sizes), np.int64)
    drawn = np.empty(min(len(rows), MOST_ORDERED), np.int64)
    for i, stratum in zip(range(len(drawn)), taken, strict=False):
        drawn[i] = queues[stratum][place[stratum]]
        place[stratum] += 1
    return Pool(rows[drawn], code[drawn], sizes)


def stretches(trace: Trace, rows: Bool, chances: Chances) -> list[Int]:
    """Runs of `STRETCH` consecutive calls of a session, all in `rows`; each session's first run before any
    second one."""
    found: list[tuple[int, int, Int]] = []
    bounds, order = trace.session_bounds(), trace.session_order
    inside = rows[order]
    some = np.unique(trace.session[rows])
    for session in some.tolist():
        start, end = int(bounds[session]), int(bounds[session + 1])
        number, at = 0, start
        while at + STRETCH <= end:
            if inside[at : at + STRETCH].all():
                found.append((number, int(chances.session[session]), order[at : at + STRETCH]))
                number, at = number + 1, at + STRETCH
            else:
                at += 1
    return [run for _, _, run in sorted(found, key=lambda entry: entry[:2])]


def size_classes(tokens: Int, rows: Int) -> Int:  # [call]
    """Quartile of the input among these rows: 0 to 3."""
    if not len(rows):
        return np.zeros(len(tokens), np.int64)
    edges = np.quantile(tokens[rows], [0.25, 0.5, 0.75])
    return np.searchsorted(edges, tokens, side="left").astype(np.int64)


def _strata(keys: Sequence[Int], rows: Int, n: int) -> Int:  # [row]
    """The finest strata that are not too many: the last keys go first."""
    for used in range(len(keys), 0, -1):
        code = combined([key[rows] for key in keys[:used]], len(rows))
        if int(code.max(initial=0)) < MOST_STRATA:
            return code
    return np.zeros(len(rows), np.int64)


def _spread(code: Int, cluster: Int, chance: NDArray[np.uint64]) -> Int:
    """Positions by stratum; inside it each cluster once, then each twice, in seeded order."""
    by_cluster = np.lexsort((chance, cluster))
    first = np.concatenate(([True], np.diff(cluster[by_cluster]) != 0))[: len(cluster)]
    begins = np.maximum.accumulate(np.where(first, np.arange(len(cluster)), 0))
    rank = np.empty(len(cluster), np.int64)
    rank[by_cluster] = np.arange(len(cluster)) - begins
    return np.lexsort((chance, rank, code)).astype(np.int64)


def _interleaved(sizes: Int, chances: Sequence[int]) -> Iterator[int]:
    """Strata in the order of drawing: each once, the largest first, then by Webster's divisors
    (size / (2 taken + 1)), which keep every beginning of the order proportional."""
    strata = [s for s in range(len(sizes)) if sizes[s]]
    yield from sorted(strata, key=lambda s: (-sizes[s], chances[s]))
    heap = [(-sizes[s] / 3, chances[s], s, 1) for s in strata if sizes[s] > 1]
    heapq.heapify(heap)
    while heap:
        _, chance, stratum, taken = heapq.heappop(heap)
        yield stratum
        taken += 1
        if taken < sizes[stratum]:
            heapq.heappush(heap, (-sizes[stratum] / (2 * taken + 1), chance, stratum, taken))


def _mixed(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finalizer (https://prng.di.unimi.it/splitmix64.c, checked 2026-11-24)."""
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(state ^ (state >> np.uint64(31)))
