"""Where each call leaves the prompt of the call before, though it goes on with text both have.

`breaks` finds the places from segment hashes alone, for all calls at once; `read_texts` then looks at the
texts of the dearest pairs to tell a clock from an id and to measure how much stands behind it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.billing.context import AuditContext
from costopt.billing.segment_counts import chunks, group_sums
from costopt.findings.difference import Difference, difference
from costopt.findings.lineage import lineage, running_tokens
from costopt.findings.memo import once
from costopt.model.call import SegmentKind
from costopt.model.trace import Ragged, stretches

Int = NDArray[np.int64]
Mask = NDArray[np.bool_]
MOST_PAIRS = 4_000
"""Pairs of texts that are read and compared. What they show holds for the others of their place."""
BATCH = 200
"""Pairs fetched at a time: their texts stand in memory together."""


@dataclass(frozen=True, slots=True)
class Breaks:
    """Every array is [break]."""

    call: Int
    before: Int
    """The call it is compared with."""
    use: Int
    """Position of the first differing segment inside both requests."""
    segment: Int
    """That segment in the later request."""
    old_segment: Int
    behind_tokens: Int
    """Tokens of whole segments from there on that the earlier request has too, in the later's units."""
    dropped_tokens: Int
    """Tokens of the earlier request from there on that the later one has no more."""
    moved: Mask
    """The later request's segment stood further on in the earlier one: something was cut before it."""
    inserted: Mask
    """The earlier request's segment stands further on in the later one: something was put before it."""
    same_tools: Mask
    """Both send the same tools, in another order."""


@once
def breaks(context: AuditContext) -> Breaks:
    """Every call that leaves the call before inside both, with what follows the place."""
    trace, line = context.trace, lineage(context)
    block = trace.request
    shorter = np.minimum(block.lengths, block.lengths[line.previous])
    calls = np.flatnonzero(line.judged & line.alive & (line.same_uses < shorter))
    before, use = line.previous[calls], line.same_uses[calls]
    new = block.ids[block.offsets[calls] + use].astype(np.int64)
    old = block.ids[block.offsets[before] + use].astype(np.int64)
    behind, dropped = np.zeros(len(calls), np.int64), np.zeros(len(calls), np.int64)
    flags = np.zeros((3, len(calls)), np.bool_)
    for part in _parts(context, calls):
        found = _compare(context, calls[part], before[part], use[part], new[part], old[part])
        behind[part], dropped[part], flags[:, part] = found
    return Breaks(calls, before, use, new, old, behind, dropped, *flags)


def _parts(context: AuditContext, calls: Int) -> list[slice]:
    """Slices of the breaks whose requests together hold some million segments."""
    lengths = context.trace.request.lengths[calls]
    offsets = np.concatenate(([0], np.cumsum(lengths)))
    parts = Ragged(offsets, np.zeros(0, np.int32), np.zeros(0, np.uint8))
    return [slice(a, b) for a, b in chunks(parts)]


def _compare(
    context: AuditContext, calls: Int, before: Int, use: Int, new: Int, old: Int
) -> tuple[Int, Int, Mask]:
    """(tokens behind, tokens dropped, [moved, inserted, same tools]) of some breaks."""
    trace = context.trace
    size = np.int64(len(trace.segments))
    later, later_at = _tail(context, calls, use)
    earlier, earlier_at = _tail(context, before, use)
    segments, tokens = trace.request.ids, context.attribution.use_tokens
    later_key = later * size + segments[later_at]
    earlier_key = earlier * size + segments[earlier_at]
    known = np.isin(later_key, earlier_key)
    gone = ~np.isin(earlier_key, later_key)
    tools = trace.segments.kind == SegmentKind.TOOLS
    unlike = np.bincount(later[~known & tools[segments[later_at]]], minlength=len(calls))
    unlike += np.bincount(earlier[gone & tools[segments[earlier_at]]], minlength=len(calls))
    own = np.arange(len(calls)) * size
    moved, inserted = np.isin(own + new, earlier_key), np.isin(own + old, later_key)
    both_tools = tools[new] & tools[old]
    return (
        group_sums(tokens[later_at[known]], later[known], len(calls)),
        group_sums(tokens[earlier_at[gone]], earlier[gone], len(calls)),
        np.stack((moved & ~inserted, inserted & ~moved, both_tools & (unlike == 0))),
    )


def _tail(context: AuditContext, calls: Int, use: Int) -> tuple[Int, Int]:
    """(number of the break, index of the use) of every use from the break on."""
    block = context.trace.request
    lengths = block.lengths[calls] - use
    return np.repeat(np.arange(len(calls)), lengths), stretches(block.offsets[calls] + use, lengths)


def shares_text(context: AuditContext, found: Breaks) -> Mask:  # [break]
    """The two segments can be compared: the same kind, with text, neither of them merely moved."""
    kind, text = context.trace.segments.kind, context.trace.segments.has_text
    alike = kind[found.segment] == kind[found.old_segment]
    alike &= text[found.segment] & text[found.old_segment]
    return alike & ~found.moved & ~found.inserted & ~found.same_tools


def read_texts(context: AuditContext, found: Breaks, chosen: Int) -> dict[int, Difference]:
    """Differences of the chosen breaks (indices into `found`) whose texts the log kept."""
    out: dict[int, Difference] = {}
    for begin in range(0, len(chosen), BATCH):
        part = chosen[begin : begin + BATCH]
        pairs = np.stack((found.old_segment[part], found.segment[part]), axis=1)
        distinct, where = np.unique(pairs.reshape(-1), return_inverse=True)
        texts = context.texts.get(distinct.astype(np.int32))
        for number, (old, new) in zip(part.tolist(), where.reshape(-1, 2).tolist(), strict=True):
            before, after = texts[old], texts[new]
            if before is not None and after is not None and before != after:
                out[number] = difference(before, after)
    return out


def segment_tokens(context: AuditContext, found: Breaks) -> Int:  # [break]
    """Tokens of the differing segment in the later request."""
    at = context.trace.request.offsets[found.call] + found.use
    running = running_tokens(context)
    return running[at + 1] - running[at]
