"""Fit the estimator to the trace's own reported usage: what each character class costs in tokens.

Most of a request has been sent before, and logs often hide a system prompt. So rows are what one
call of a session adds to the one before: reported growth against the classes of the text that is
new. Where nothing grows, calls are compared with their agent's shortest one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.accel.features import FEATURES
from costopt.model.call import UsageState
from costopt.model.trace import Trace

PRIOR = np.array([1.04, 0.18, 0.65, 0.94, 1.05, 0.5, 4.0])
"""Tokens of each feature before the trace has spoken. Measured 2026-11-24 with o200k and cl100k on
the library and manual of CPython 3.11 (median error 3 %, bytes / 4: 12 %); other scripts: UTF-8
bytes a token of the published vocabularies; per message: https://github.com/openai/openai-cookbook
"How to count tokens with tiktoken"."""
_SPREAD = np.array([0.3, 0.8, 0.5, 0.5, 0.8, 0.8, 1.5])
"""How far a vocabulary may stand from the prior, as a share of it."""
_NOISE = 0.05
"""Error of one row as a share of its tokens: beside it the prior counts as so many rows."""
_NOISE_TOKENS = 5.0
MIN_ROWS = 8
_MIN_GROWTH_TOKENS = 30
_MOST_ROWS = 4_000
_ROUNDS = 8
_TUKEY = 3.0
"""Residuals beyond so many typical ones lose their say (a hidden tool result, a dropped message)."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Tokens of each feature, and how well they reproduce what was reported."""

    weights: NDArray[np.float64]  # [feature]
    rows: int
    """Reported counts it rests on; 0: the prior alone."""
    typical_error: float
    """Median share by which a row is missed."""


@dataclass(frozen=True, slots=True)
class Growth:
    """Pairs of calls: reported tokens from the first to the second, and the uses that were added."""

    tokens: NDArray[np.int64]  # [pair]
    call: NDArray[np.int64]  # [pair]: the later call
    base: NDArray[np.int64]  # [pair]: the call it is compared with
    same: NDArray[np.int64]  # [pair]: leading uses that both share


def growth(trace: Trace, model: str) -> Growth:
    """Pairs of a model's calls whose requests differ by visible text only."""
    codes = trace.dims["model"]
    if model not in codes.values:
        return _pairs(trace, np.zeros(0, np.int64), np.zeros(0, np.int64))
    known = (codes.codes == codes.values.index(model)) & trace.has_content
    known &= (trace.usage_state == UsageState.REPORTED) & (trace.input_tokens > 0)
    known &= (trace.requests == 1) & (trace.request.lengths > 0)
    rows = trace.session_order[known[trace.session_order]]
    same_session = np.diff(trace.session[rows]) == 0
    found = _pairs(trace, rows[1:][same_session], rows[:-1][same_session])
    whole = found.same == trace.request.lengths[found.base]
    found = _chosen(found, whole & (found.tokens >= _MIN_GROWTH_TOKENS))
    return found if len(found.call) >= MIN_ROWS else _beside_shortest(trace, rows)


def _pairs(trace: Trace, call: NDArray[np.int64], base: NDArray[np.int64]) -> Growth:
    tokens = trace.input_tokens[call] - trace.input_tokens[base]
    same = [
        _same(trace.request.row(a), trace.request.row(b)) for a, b in zip(base, call, strict=True)
    ]
    return Growth(tokens, call, base, np.array(same, np.int64))


def _same(first: NDArray[np.int32], second: NDArray[np.int32]) -> int:
    size = min(len(first), len(second))
    differs = np.flatnonzero(first[:size] != second[:size])
    return int(differs[0]) if len(differs) else size


def _chosen(found: Growth, rows: NDArray[np.bool_]) -> Growth:
    at = np.flatnonzero(rows)
    at = at[:: max(1, len(at) // _MOST_ROWS)]
    return Growth(found.tokens[at], found.call[at], found.base[at], found.same[at])


def _beside_shortest(trace: Trace, rows: NDArray[np.int64]) -> Growth:
    """Each call against the shortest of its agent: what is hidden from both cancels."""
    agent = trace.dims["agent"].codes[rows]
    order = np.lexsort((trace.input_tokens[rows], agent))
    rows, agent = rows[order], agent[order]
    first = np.concatenate(([True], np.diff(agent) != 0)) if len(rows) else np.zeros(0, np.bool_)
    base = rows[np.maximum.accumulate(np.where(first, np.arange(len(rows)), 0))]
    found = _pairs(trace, rows, base)
    found = Growth(found.tokens, found.call, found.base, np.zeros_like(found.same))
    return _chosen(found, found.tokens >= _MIN_GROWTH_TOKENS)


def added(trace: Trace, found: Growth, of_segment: NDArray[np.float64]) -> NDArray[np.float64]:
    """[pair, feature]: classes of what the later request has and the earlier one has not."""
    block = trace.request
    rows = []
    for call, base, same in zip(found.call, found.base, found.same, strict=True):
        more = of_segment[block.row(call)[same:]].sum(axis=0)
        rows.append(more - of_segment[block.row(base)[same:]].sum(axis=0))
    return np.array(rows).reshape(-1, len(FEATURES))


def needed(trace: Trace, found: Growth) -> NDArray[np.int32]:
    """Segments whose text the fit must see."""
    block = trace.request
    parts = [
        row
        for call, base, same in zip(found.call, found.base, found.same, strict=True)
        for row in (block.row(call)[same:], block.row(base)[same:])
    ]
    return np.unique(np.concatenate(parts)) if parts else np.zeros(0, np.int32)


def fitted(x: NDArray[np.float64], y: NDArray[np.int64]) -> Calibration:
    """Ridge towards the prior, in shares of each row's size; rows far off lose their say."""
    if len(y) < MIN_ROWS:
        return Calibration(PRIOR, 0, float("nan"))
    scale = _NOISE * y + _NOISE_TOKENS
    towards = np.diag(1.0 / (PRIOR * _SPREAD) ** 2)
    weights, trust = PRIOR, np.ones(len(y))
    for _ in range(_ROUNDS):
        rows = x / scale[:, None] * np.sqrt(trust)[:, None]
        goal = y / scale * np.sqrt(trust)
        weights = np.linalg.solve(rows.T @ rows + towards, rows.T @ goal + towards @ PRIOR)
        weights = np.maximum(weights, 0.05 * PRIOR)
        off = np.abs(x @ weights - y) / scale
        limit = _TUKEY * max(float(np.median(off)), 0.1) * 1.5
        trust = np.where(off < limit, (1.0 - (off / limit) ** 2) ** 2, 0.0)
    return Calibration(weights, len(y), float(np.median(np.abs(x @ weights - y) / y)))
