"""A log's calls as arrivals: its own times, its own lengths, and the blocks that its prompts share.

Token counts are those the log recorded, so they are of the logged model's tokenizer. Which blocks two
prompts share follows from their segments: a block is known by all segments up to its end. Segments are
counted by the caller's counts, else by bytes; one factor for the whole log brings them to the recorded
input, so that a shared prefix has the same length wherever it occurs.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from costopt.model.leaf import INPUT, OUTPUT
from costopt.model.trace import NO_TIME, stretches
from costopt.model.view import View
from costopt.serving.arrivals import DAY_S, Arrivals
from costopt.serving.core.terms import BLOCK_TOKENS, Int

BYTES_PER_TOKEN = 4.0
"""Of a segment nobody counted; only the proportion of segments to each other depends on it."""


def arrivals_of(
    view: View,
    rows: NDArray[np.bool_] | None = None,
    *,
    segment_tokens: Int | None = None,
    span_s: float | None = None,
    block_tokens: int = BLOCK_TOKENS,
) -> Arrivals:
    """The calls that a view sends (`rows`: only these), as requests to an engine.

    `span_s`: the time they stand for. By default from the first to the last call of the whole view, but
    a day at least: a log of one afternoon is then that day's whole traffic, with the other hours idle.
    """
    wanted = view.sent if rows is None else view.sent & rows
    ready, left_out = _usable(view, wanted)
    order = ready[np.argsort(view.at_us[ready], kind="stable")]
    known = view.at_us[view.at_us != NO_TIME]
    begin, end = (int(known.min()), int(known.max())) if len(known) else (0, 0)
    prompt = view.leaves[order, INPUT].sum(axis=1)
    output = view.leaves[order, OUTPUT].sum(axis=1)
    counts = _segment_tokens(view, order, prompt, segment_tokens)
    offsets, ids = _blocks(view, order, (prompt + output) // block_tokens, counts, block_tokens)
    return Arrivals(
        (view.at_us[order] - begin) / 1e6, prompt, output, _sessions(view, order),
        max((end - begin) / 1e6, DAY_S) if span_s is None else span_s, offsets, ids, left_out,
    )  # fmt: skip


def _usable(view: View, wanted: NDArray[np.bool_]) -> tuple[Int, dict[str, int]]:
    """Rows that can be simulated, and how many cannot for which reason."""
    known = view.at_us != NO_TIME
    counted = view.leaves[:, OUTPUT].sum(axis=1) + view.leaves[:, INPUT].sum(axis=1) > 0
    single = view.trace.requests <= 1
    reasons = Counter(
        {
            "no time in the log": int((wanted & ~known).sum()),
            "no tokens in the log": int((wanted & known & ~counted).sum()),
            "a total of several requests": int((wanted & known & counted & ~single).sum()),
        }
    )
    return np.flatnonzero(wanted & known & counted & single), dict(+reasons)


def _sessions(view: View, order: Int) -> Int:
    """Session codes; a call that stands alone gets one of its own."""
    trace = view.trace
    alone = len(trace.sessions) + np.arange(len(order))
    codes = np.where(trace.session_known[order], trace.session[order], alone)
    return np.unique(codes, return_inverse=True)[1].astype(np.int64)


def _segment_tokens(view: View, order: Int, prompt: Int, given: Int | None) -> Int:
    """[segment] tokens, brought to the recorded input of the calls that carry their content."""
    table = view.segments
    tokens = table.tokens if given is None else given
    raw = np.where(tokens >= 0, tokens, table.n_bytes / BYTES_PER_TOKEN)
    sums = np.concatenate(([0.0], np.cumsum(raw[view.request.ids])))
    summed = sums[view.request.offsets[order + 1]] - sums[view.request.offsets[order]]
    full = view.trace.has_content[order] & (summed > 0)
    factor = prompt[full].sum() / summed[full].sum() if full.any() else 1.0
    return np.rint(raw * factor).astype(np.int64)


def _blocks(view: View, order: Int, most: Int, tokens: Int, size: int) -> tuple[Int, Int]:
    """Block ids of each call, no more than it has full blocks: a tree of segments, walked call by call."""
    child: dict[tuple[int, int], int] = {}
    ends, first = [0], [0]  # by node: tokens up to its end; number of its first block
    starts: list[int] = []
    lengths: list[int] = []
    offsets = np.zeros(len(order) + 1, np.int64)
    made = 0
    for place, call in enumerate(order.tolist()):
        node, room = 0, int(most[place])
        path = (
            [*view.request.row(call).tolist(), *view.response.row(call).tolist()]
            if view.trace.has_content[call]
            else []
        )
        for segment in path:
            key = (node, segment)
            before = ends[node]
            if key not in child:
                child[key] = len(ends)
                ends.append(before + int(tokens[segment]))
                first.append(made)
                made += ends[-1] // size - before // size
            node = child[key]
            own = min(ends[node] // size - before // size, room)
            starts.append(first[node])
            lengths.append(own)
            room -= own
        offsets[place + 1] = offsets[place] + int(most[place]) - room
    if not made:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return offsets, stretches(np.array(starts, np.int64), np.array(lengths, np.int64))
