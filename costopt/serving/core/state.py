"""The state of a compiled run as arrays, and the numbers of its counters."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from costopt.serving.core.terms import Float, Int, Limits, Totals, Workload

# Places in `State.n`: counters.
(RUNNING, PUSHED, ARRIVED, ISSUED, LEFT, STEPS, EVENTS, PREEMPTIONS, PREFILLED, PEAK, SEATS,
 WORK, BUDGET, LEVEL) = range(14)  # fmt: skip
# Places in `State.x`: seconds.
NOW, READER_FREE, BUSY = range(3)


class State(NamedTuple):
    """Rows of requests unless said otherwise."""

    prompt: Int
    output: Int
    arrive: Float
    ready: Float
    start: Float
    first: Float
    end: Float
    produced: Float
    computed: Int
    decoding: Int
    held: Int
    """Blocks that it holds."""
    hits: Int
    seat: Int
    """Its row of `table`."""
    offsets: Int
    ids: Int
    table: Int
    """[seat, block] what it holds, where blocks have an identity; else one cell."""
    seats: Int
    """Free seats, a stack."""
    running: Int
    """In order of admission."""
    share: Int
    """[place in running] tokens of this step."""
    pushed: Int
    """Preempted ones, a stack; its top is the front of the queue."""
    n: Int
    x: Float


def make_state(load: Workload, limits: Limits) -> State:
    """Nothing issued yet."""
    rows, most = load.n, limits.max_num_seqs
    most = min(most, rows)
    longest = int((load.prompt_tokens + load.output_tokens).max(initial=1)) + limits.draft_tokens
    width = -(-longest // limits.block_tokens) + 2 if has_ids(load, limits) else 0
    counters, seconds = np.zeros(14, np.int64), np.zeros(3)
    counters[LEFT], counters[SEATS], seconds[READER_FREE] = rows, most, -np.inf
    nan = np.full(rows, np.nan)
    zero = np.zeros(rows, np.int64)
    return State(
        load.prompt_tokens.astype(np.int64), load.output_tokens.astype(np.int64), nan.copy(),
        np.full(rows, np.inf), nan.copy(), nan.copy(), nan.copy(), np.zeros(rows), zero.copy(),
        zero.copy(), zero.copy(), zero.copy(), zero.copy(), load.offsets(),
        load.block_ids.astype(np.int64), np.zeros((most, width), np.int64),
        np.arange(most, dtype=np.int64), zero[:most].copy(), zero[:most].copy(), zero.copy(),
        counters, seconds,
    )  # fmt: skip


def has_ids(load: Workload, limits: Limits) -> bool:
    """Whether blocks have an identity in this run; else only their number counts."""
    return limits.prefix_caching and len(load.block_ids) > 0


def counts(state: State) -> Totals:
    """The counters of a finished run."""
    n = state.n.tolist()
    return Totals(
        n[STEPS], n[EVENTS], n[PREEMPTIONS], n[PREFILLED], n[PEAK], float(state.x[BUSY])
    )  # fmt: skip
