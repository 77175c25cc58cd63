"""Evaluators over a part of the sessions: a sample for shares, the earlier and the later half."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.fit import CacheFit
from costopt.billing.prompt_cache.model import CacheModel
from costopt.engine.evaluate import Evaluator
from costopt.layers.base import Drawn
from costopt.model.select import select
from costopt.model.trace import Trace

Int = NDArray[np.int64]
BLOCKS = 8
"""A sample is so many stretches of neighbouring sessions: single ones would find nobody to share a
cache or an answer with, one stretch alone would be one time of day."""


def part_of(evaluator: Evaluator, sessions: Int, fit: CacheFit | None = None) -> Evaluator:
    """The same prices, texts and artifacts over these sessions alone. `fit`: None: their own."""
    chosen = np.zeros(len(evaluator.trace.sessions), np.bool_)
    chosen[sessions] = True
    trace = select(evaluator.trace, np.flatnonzero(chosen[evaluator.trace.session]))
    lineage, handed = evaluator.model.lineage, evaluator.handed
    model = CacheModel.of(trace, evaluator.prices, lineage.tokens, lineage.texts, fit)
    return Evaluator(
        trace, evaluator.prices, model, builder=handed.builder, fields=handed.fields,
        evidence=handed.evidence, drawn=_drawn(evaluator, trace),
    )  # fmt: skip


def _drawn(evaluator: Evaluator, part: Trace) -> Drawn:
    """What part of the log these calls are, where the evaluator's own may be a part of it already."""
    own, whole = evaluator.handed.drawn, evaluator.trace
    span_s = own.span_s
    if span_s is None:
        times = whole.at_us[whole.has_time]
        span_s = float(times.max() - times.min()) / 1e6 if len(times) else 0.0
    return Drawn(own.share * part.n / max(whole.n, 1), span_s)


def sessions_in_order(trace: Trace) -> tuple[Int, Int]:
    """(sessions by their first call, calls of each). Without times: by the order of the log."""
    first = np.full(len(trace.sessions), trace.n, np.int64)
    np.minimum.at(first, trace.session, np.arange(trace.n))
    order = np.argsort(first, kind="stable")
    return order, np.bincount(trace.session, minlength=len(trace.sessions))[order]


def sampled_sessions(trace: Trace, calls: int, seed: int) -> Int:
    """About so many calls of `trace`, in stretches of neighbouring sessions at seeded places."""
    order, sizes = sessions_in_order(trace)
    edges = np.concatenate(([0], np.cumsum(sizes)))
    room, size = trace.n // BLOCKS, calls // BLOCKS
    generator = np.random.default_rng(seed)
    chosen = np.zeros(len(order), np.bool_)
    for block in range(BLOCKS):
        start = block * room + int(generator.integers(0, max(1, room - size)))
        chosen |= (edges[:-1] >= start) & (edges[:-1] < start + size)
    return order[chosen]
