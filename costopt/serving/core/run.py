"""Run a workload on one replica: compiled where numba is there, else by the plain twin."""

from __future__ import annotations

import importlib.util
import sys
from functools import cache
from pathlib import Path

import numpy as np

from costopt.errors import InputError
from costopt.serving.core.plain import PlainReplica
from costopt.serving.core.terms import Float, Int, Limits, Run, StepCost, Totals, Workload

_FEW_TOKENS = 3_000_000
"""Output tokens up to which the plain twin is done before the kernel is compiled for the first time."""
_FEW_TOKENS_ONCE_COMPILED = 50_000
"""The same where an earlier run has left the machine code on disk."""


@cache
def compiled() -> bool:
    """Whether numba is installed."""
    return importlib.util.find_spec("numba") is not None


def _pays(tokens: int) -> bool:
    """Whether the kernel is sooner done, compiling included."""
    here = Path(__file__).parent / "__pycache__"
    ready = "numba" in sys.modules or any(here.glob("kernel.run_all-*.nbi"))
    return compiled() and tokens > (_FEW_TOKENS_ONCE_COMPILED if ready else _FEW_TOKENS)


def simulate(load: Workload, cost: StepCost, limits: Limits, *, fast: bool | None = None) -> Run:
    """Serve the workload. Requests whose KV can never fit come back with NaN times.

    `fast`: True for the compiled kernel, False for the plain twin, None for whichever is sooner done.
    """
    _check(load)
    if fast is None:
        fast = _pays(int(load.output_tokens.sum()))
    fits = fitting(load, limits)
    part = load if fits.all() else _part(load, fits)
    limits = touched(part, limits)
    run = _fast(part, cost, limits) if fast else _plain(part, cost, limits)
    return run if fits.all() else _spread(run, load, fits)


def _check(load: Workload) -> None:
    if load.n and (load.prompt_tokens.min() < 1 or load.output_tokens.min() < 1):
        raise InputError("A served request has at least one prompt token and one output token.")
    if not load.concurrency and np.any(np.diff(load.arrive_s) < 0):
        raise InputError("Arrivals must be in order of time.")


def fitting(load: Workload, limits: Limits) -> np.ndarray:
    """[request] whether the pool could hold it alone."""
    tokens = load.prompt_tokens + load.output_tokens + limits.draft_tokens
    return -(-tokens // limits.block_tokens) <= limits.kv_blocks


def touched(load: Workload, limits: Limits) -> Limits:
    """The same without the blocks that these requests could not fill if none was ever used again."""
    tokens = load.prompt_tokens + load.output_tokens + limits.draft_tokens
    most = int((tokens // limits.block_tokens + 2).sum())
    return limits._replace(kv_blocks=min(limits.kv_blocks, most))


def _part(load: Workload, rows: np.ndarray) -> Workload:
    offsets = load.offsets()
    counts = np.diff(offsets)
    keep = np.repeat(rows, counts)
    return Workload(
        load.arrive_s[rows] if len(load.arrive_s) else load.arrive_s,
        load.prompt_tokens[rows],
        load.output_tokens[rows],
        load.concurrency,
        np.concatenate(([0], np.cumsum(counts[rows]))).astype(np.int64),
        load.block_ids[keep],
    )


def _spread(run: Run, load: Workload, rows: np.ndarray) -> Run:
    """The run of the part on the rows of the whole."""

    def wide(column: Float) -> Float:
        out = np.full(load.n, np.nan)
        out[rows] = column
        return out

    arrive = wide(run.arrive_s)
    if not load.concurrency:
        arrive = load.arrive_s.astype(np.float64)
    hits = np.zeros(load.n, np.int64)
    hits[rows] = run.hit_tokens
    return Run(
        arrive, wide(run.start_s), wide(run.first_s), wide(run.end_s), hits,
        load.output_tokens, run.totals,
    )  # fmt: skip


def _plain(load: Workload, cost: StepCost, limits: Limits) -> Run:
    one = PlainReplica(load, cost, limits)
    one.run()
    totals = Totals(
        one.steps, one.steps, one.preemptions, one.prefill_tokens, one.peak, one.busy_s
    )  # fmt: skip
    arrive, start = np.array(one.arrive, np.float64), np.array(one.start, np.float64)
    first, end = np.array(one.first, np.float64), np.array(one.end, np.float64)
    return Run(arrive, start, first, end, np.array(one.hits, np.int64), load.output_tokens, totals)


def _fast(load: Workload, cost: StepCost, limits: Limits) -> Run:
    from costopt.serving.core.blocks_kernel import make_pool
    from costopt.serving.core.kernel import run_all
    from costopt.serving.core.paces import stacked
    from costopt.serving.core.state import counts, has_ids, make_state

    ids = int(load.block_ids.max(initial=-1)) + 1 if has_ids(load, limits) else 0
    state, pool = make_state(load, limits), make_pool(limits.kv_blocks, ids)
    arrive = load.arrive_s.astype(np.float64)
    run_all(state, pool, stacked(cost, limits), as_numbers(limits), arrive, load.concurrency)
    return Run(
        state.arrive,
        state.start,
        state.first,
        state.end,
        state.hits,
        load.output_tokens,
        counts(state),
    )


def as_numbers(limits: Limits) -> Limits:
    """The same of the limits."""
    kinds = {name: type(default) for name, default in Limits._field_defaults.items()}
    return limits._replace(
        **{name: kinds.get(name, int)(v) for name, v in limits._asdict().items()}
    )


def prefix_hits(offsets: Int, ids: Int, blocks: int, *, fast: bool | None = None) -> Int:
    """[request] blocks that a prefix cache of this capacity finds, requests one after another.

    `ids` are dense numbers from 0 of chained block hashes. See `blocks.plain_hits`.
    """
    if compiled() if fast is None else fast:
        from costopt.serving.core.blocks_kernel import hits_of, make_pool

        hits = np.zeros(len(offsets) - 1, np.int64)
        longest = int(np.diff(offsets).max(initial=0))
        pool = make_pool(blocks, int(ids.max(initial=0)) + 1)
        held = np.zeros(longest + 1, np.int64)
        hits_of(offsets.astype(np.int64), ids.astype(np.int64), pool, held, hits)
        return hits
    from costopt.serving.core.blocks import plain_hits

    return np.array(plain_hits(offsets.tolist(), ids.tolist(), blocks), np.int64)
