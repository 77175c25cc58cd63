"""The bill cut into parts: component of the request or answer, tool, new or resent, cached or fresh."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.billing.attribution import split_in_order
from costopt.billing.context import Attribution
from costopt.billing.pools import Pools, pools_of
from costopt.billing.segment_counts import chunks, per_call
from costopt.model.bill import Bill
from costopt.model.call import SegmentKind
from costopt.model.leaf import Leaf
from costopt.model.trace import Trace

Int = NDArray[np.int64]

COMPONENTS = (
    "tool schemas", "system", "user", "assistant", "tool calls", "tool results", "images",
    "reasoning in history", "blocks", "files", "hidden prefix", "input without text", "output",
    "reasoning", "fees",
)  # fmt: skip
"""The first ten are the segment kinds of a request, in the order of `SegmentKind`."""
HIDDEN, NO_TEXT, OUTPUT, REASONING, FEES = range(10, 15)
NO_TOOL, UNNAMED_TOOL = "(no tool)", "(unnamed tool)"


@dataclass(frozen=True, slots=True)
class Parts:
    """Parts of some calls, one row each; all parts of a call stand in one chunk."""

    call: Int
    component: Int  # into COMPONENTS
    tool: Int  # code of the segment's tool name, as in `tool_names`
    resent: NDArray[np.bool_]
    tokens: Int
    cached_tokens: Int
    pusd: Int
    cached_pusd: Int

    @property
    def is_output(self) -> NDArray[np.bool_]:
        return (self.component == OUTPUT) | (self.component == REASONING)


def tool_names(trace: Trace) -> tuple[str, ...]:
    """Label of each tool code: 0 is no tool, 1 a tool without a name, then the names."""
    return (NO_TOOL, UNNAMED_TOOL, *trace.segments.name.values[1:])


def parts(trace: Trace, bill: Bill, attribution: Attribution) -> Iterator[Parts]:
    """Every dollar of the bill once; a few million rows at a time."""
    pools = pools_of(bill)
    for first, last in chunks(trace.request):
        pieces = [
            _request_parts(trace, attribution, pools, first, last),
            _hidden_parts(trace, attribution, pools, first, last),
            _response_parts(trace, attribution, first, last),
            _other_parts(trace, attribution, first, last),
        ]
        columns = [
            np.concatenate([getattr(p, name) for p in pieces])
            for name in Parts.__dataclass_fields__
        ]
        yield Parts(*columns)


def _tool_codes(trace: Trace, ids: NDArray[np.int32]) -> Int:
    kind, name = trace.segments.kind[ids], trace.segments.name.codes[ids].astype(np.int64)
    is_tool = (kind == SegmentKind.TOOL_CALL) | (kind == SegmentKind.TOOL_RESULT)
    return np.where(is_tool, name + 1, 0)


def _request_parts(
    trace: Trace, attribution: Attribution, pools: Pools, first: int, last: int
) -> Parts:
    block, at = trace.request, attribution
    uses = slice(int(block.offsets[first]), int(block.offsets[last]))
    call = np.repeat(np.arange(first, last), block.lengths[first:last])
    cached = at.use_cached_tokens[uses]
    running = np.concatenate(([0], np.cumsum(cached)))
    base = running[(block.offsets[first:last] - block.offsets[first])]
    end = running[1:] - np.repeat(base, block.lengths[first:last]) + at.hidden_cached_tokens[call]
    read, pool = trace.cache_read[call], pools.read[call]
    paid = split_in_order(pool, end, read) - split_in_order(pool, end - cached, read)
    ids = block.ids[uses]
    return Parts(
        call, trace.segments.kind[ids].astype(np.int64), _tool_codes(trace, ids),
        at.use_resent[uses], at.use_tokens[uses], cached, at.use_pusd[uses], paid,
    )  # fmt: skip


def _hidden_parts(
    trace: Trace, attribution: Attribution, pools: Pools, first: int, last: int
) -> Parts:
    at = attribution
    call = np.arange(first, last)
    call = call[(at.hidden_tokens[call] > 0) | (at.hidden_pusd[call] != 0)]
    component = np.where(trace.request.lengths[call] > 0, HIDDEN, NO_TEXT)
    cached = at.hidden_cached_tokens[call]
    paid = split_in_order(pools.read[call], cached, trace.cache_read[call])
    # An inferred prompt is sent by every call of its session: new in the first alone.
    again = (component == HIDDEN) & (trace.step[call] > 1)
    none = np.zeros(len(call), np.int64)
    return Parts(
        call, component, none, again, at.hidden_tokens[call], cached, at.hidden_pusd[call], paid
    )


def _response_parts(trace: Trace, attribution: Attribution, first: int, last: int) -> Parts:
    block = trace.response
    uses = slice(int(block.offsets[first]), int(block.offsets[last]))
    call = np.repeat(np.arange(first, last), block.lengths[first:last])
    ids = block.ids[uses]
    none = np.zeros(len(call), np.int64)
    thinking = trace.segments.kind[ids] == SegmentKind.REASONING
    return Parts(
        call, np.where(thinking, REASONING, OUTPUT), _tool_codes(trace, ids),
        np.zeros(len(call), np.bool_), attribution.out_tokens[uses], none,
        attribution.out_pusd[uses], none,
    )  # fmt: skip


def _other_parts(trace: Trace, attribution: Attribution, first: int, last: int) -> Parts:
    """Output that no visible part explains, reasoning and fees: rows only where there is something."""
    calls = np.arange(first, last)
    block = trace.response
    reasoning = trace.leaves[first:last, Leaf.OUTPUT_REASONING]
    shown = per_call(block, attribution.out_tokens)[first:last]
    rest = trace.output_tokens[first:last] - reasoning - shown
    none = np.zeros(len(calls), np.int64)
    component = np.repeat([OUTPUT, REASONING, FEES], len(calls))
    tokens = np.concatenate((rest, reasoning, none))
    part = slice(first, last)
    pusd = np.concatenate(
        (
            attribution.out_other_pusd[part],
            attribution.reasoning_pusd[part],
            attribution.fee_pusd[part],
        )
    )
    kept = (tokens != 0) | (pusd != 0)
    zero = np.zeros(int(kept.sum()), np.int64)
    return Parts(
        np.tile(calls, 3)[kept], component[kept], zero, zero.astype(np.bool_), tokens[kept], zero,
        pusd[kept], zero,
    )  # fmt: skip
