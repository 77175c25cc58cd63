"""About how many replicas a traffic needs: where the search for the smallest fleet begins, and no more.

Requests bring work; so many replicas wear it off like a fluid. A sample of the requests, served all at
once by one replica, says what a token of each kind is worth in seconds of a replica that is never idle.
"""

from __future__ import annotations

import numpy as np

from costopt.serving.core.run import fitting, simulate
from costopt.serving.core.terms import Float, Workload
from costopt.serving.fleet.replica import Replica
from costopt.serving.fleet.run import part
from costopt.serving.fleet.slo import Slo

SAMPLE = 1_500
"""Requests, evenly over the traffic."""
PATIENCE_S = 30.0
"""Of a level that limits neither the first token nor the whole answer."""


def estimate(load: Workload, one: Replica, slo: Slo, most: int, *, fast: bool | None = None) -> int:
    """Replicas, from 1 to `most`."""
    load = part(load, np.flatnonzero(fitting(load, one.limits)))
    if not load.n:
        return 1
    work_s = _work_s(load, one, fast)
    patience = min((s for s in (slo.ttft_s, slo.e2e_s) if s is not None), default=PATIENCE_S)
    low, high = 0, 1
    while high < most and _in_time(load.arrive_s, work_s, high, patience) < slo.percentile / 100:
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        kept = _in_time(load.arrive_s, work_s, middle, patience) >= slo.percentile / 100
        low, high = (low, middle) if kept else (middle, high)
    return high


def _work_s(load: Workload, one: Replica, fast: bool | None) -> Float:
    """[request] seconds of a busy replica."""
    rows = np.linspace(0, load.n - 1, min(load.n, SAMPLE)).astype(np.int64)
    sample = part(load, rows)
    at_once = Workload(
        np.zeros(sample.n), sample.prompt_tokens, sample.output_tokens, 0, sample.block_offsets,
        sample.block_ids,
    )  # fmt: skip
    totals = simulate(at_once, one.cost, one.limits, fast=fast).totals
    table = one.cost.tokens_s
    prompts_s = min(
        totals.prefill_tokens * float(table[-1]) / max(len(table) - 1, 1), totals.busy_s
    )
    per_prompt = prompts_s / max(int(sample.prompt_tokens.sum()), 1)
    per_output = (totals.busy_s - prompts_s) / max(int(sample.output_tokens.sum()), 1)
    return per_prompt * load.prompt_tokens + per_output * load.output_tokens


def _in_time(arrive_s: Float, work_s: Float, replicas: int, patience_s: float) -> float:
    """Share of the requests that find less work in front of them than is worn off in that time."""
    ahead = np.concatenate(([0.0], np.cumsum(work_s)[:-1])) - replicas * arrive_s
    waiting_s = (ahead - np.minimum.accumulate(ahead)) / replicas
    return float((waiting_s <= patience_s).mean())
