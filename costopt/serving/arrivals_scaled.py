"""More or fewer users on the same day: the peaks stay where they are.

Fewer (`scale` below 1): whole sessions are kept or dropped by a draw, so the gaps, the growing contexts
and the shared prefixes inside a session stay as they were. A session that is in at one scale is in at
every larger one.
More: copies of the whole traffic are laid over each other, each shifted as one piece by a few minutes, so
that bursts inside a copy and the day's shape are kept while the copies do not fire in the same instant. Of
a log with few sessions they are shifted by up to the mean time between two: ten sessions a day do not say
at which minute a thousand others would begin.
Peaks relative to the mean therefore shrink only as they do when independent users join. Blocks that
several sessions share (system prompts, tools) are shared by the copies too; a session's own are not.
"""

from __future__ import annotations

import math

import numpy as np

from costopt.errors import UsageError
from costopt.serving.arrivals import Arrivals, gather
from costopt.serving.core.terms import Float, Int

LONGEST_SHIFT_S = 300.0
"""Copies are shifted by up to so much, and by no more than a fiftieth of the window ..."""
SPARSE_SHARE = 0.25
"""... or by the mean time between two sessions, up to this share of the window, where that is more."""


def scaled(arrivals: Arrivals, scale: float, seed: int = 0) -> Arrivals:
    """`scale` times the traffic in the same window."""
    if not (math.isfinite(scale) and scale > 0):
        raise UsageError(f"A scale is a number above 0, not {scale:g}.")
    if scale == 1.0 or not arrivals.n:
        return arrivals
    rng = np.random.default_rng(seed)
    draws = rng.random(int(arrivals.session.max()) + 1)
    copies = math.ceil(scale)
    shifts = rng.random(copies) * longest_shift_s(arrivals)
    shifts[0] = 0.0
    whole = np.arange(arrivals.n)
    last = np.flatnonzero(draws[arrivals.session] < scale - (copies - 1))
    rows = np.concatenate([*[whole] * (copies - 1), last])
    copy = np.repeat(np.arange(copies), [arrivals.n] * (copies - 1) + [len(last)])
    return _laid_over(arrivals, rows, copy, shifts)


def longest_shift_s(arrivals: Arrivals) -> float:
    """By how much a copy may be shifted: what these arrivals leave open of when others would begin."""
    gap_s = arrivals.span_s / max(len(np.unique(arrivals.session)), 1)
    dense_s = min(LONGEST_SHIFT_S, arrivals.span_s / 50)
    return max(dense_s, min(gap_s, SPARSE_SHARE * arrivals.span_s))


def _laid_over(arrivals: Arrivals, rows: Int, copy: Int, shifts: Float) -> Arrivals:
    """These rows, each as one of its copies, in order of their new times."""
    at_s = arrivals.at_s[rows] + shifts[copy]
    order = np.argsort(at_s, kind="stable")
    rows, copy = rows[order], copy[order]
    offsets, ids = arrivals.block_offsets, arrivals.block_ids
    if len(offsets):
        private = _private(arrivals)
        offsets, ids = gather(offsets, ids, rows)
        copy_of_block = np.repeat(copy, np.diff(offsets))
        ids = np.where(private[ids], ids + copy_of_block * len(private), ids)
        ids = _numbered(ids)
    sessions = int(arrivals.session.max()) + 1
    return Arrivals(
        at_s[order], arrivals.prompt_tokens[rows], arrivals.output_tokens[rows],
        arrivals.session[rows] + copy * sessions, arrivals.span_s, offsets, ids, arrivals.left_out,
    )  # fmt: skip


def _numbered(ids: Int) -> Int:
    """The ids as 0, 1, 2, ... in their order: by marks, since sorting a block of every request is slow."""
    used = np.zeros(int(ids.max(initial=-1)) + 1, np.bool_)
    used[ids] = True
    return (np.cumsum(used) - 1)[ids]


def _private(arrivals: Arrivals) -> np.ndarray:
    """[block id] whether one session alone uses it."""
    ids = arrivals.block_ids
    session = np.repeat(arrivals.session, np.diff(arrivals.block_offsets))
    count = int(ids.max(initial=-1)) + 1
    first, last = np.full(count, np.iinfo(np.int64).max), np.full(count, -1)
    np.minimum.at(first, ids, session)
    np.maximum.at(last, ids, session)
    return first == last
