"""Token counts of segment uses, a chunk of calls at a time: tens of millions of uses fit in memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from costopt.model.call import SegmentKind
from costopt.model.ports import TokenCounter
from costopt.model.trace import Ragged, Trace

CHUNK_USES = 2_000_000
"""Uses worked on at a time: temporaries stay near 200 MB."""
_UNCOUNTED = -1


def chunks(block: Ragged, size: int = CHUNK_USES) -> Iterator[tuple[int, int]]:
    """Ranges of calls [first, last) that hold about `size` uses each (at least one call)."""
    first, n = 0, len(block.offsets) - 1
    while first < n:
        goal = block.offsets[first] + size
        last = int(np.searchsorted(block.offsets, goal, side="right")) - 1
        last = min(n, max(last, first + 1))
        yield first, last
        first = last


def counted(block: Ragged, trace: Trace, tokens: TokenCounter) -> NDArray[np.int64]:  # [use]
    """Tokens of each use under its call's model; each distinct (segment, model) is counted once."""
    out = np.zeros(len(block.ids), np.int64)
    model = trace.dims["model"]
    known: dict[int, NDArray[np.int32]] = {}
    for first, last in chunks(block):
        begin, end = int(block.offsets[first]), int(block.offsets[last])
        codes = np.repeat(model.codes[first:last], block.lengths[first:last])
        for code in np.unique(codes).tolist():
            table = known.setdefault(code, np.full(len(trace.segments), _UNCOUNTED, np.int32))
            uses = np.flatnonzero(codes == code)
            ids = block.ids[begin:end][uses]
            new = np.unique(ids[table[ids] == _UNCOUNTED])
            if len(new):
                table[new] = tokens.count(new, model.values[code])
            out[begin + uses] = table[ids]
    return out


def group_sums(
    values: NDArray[np.integer], groups: NDArray[np.integer], size: int
) -> NDArray[np.int64]:  # [group]
    """Sums by group code 0..size-1 in 64 bits: token counts, and dollars of one call."""
    out = np.zeros(size, np.int64)
    np.add.at(out, groups, values)
    return out


def per_call(block: Ragged, values: NDArray[np.int64]) -> NDArray[np.int64]:  # [call]
    """Sums over the uses of each call, as integers."""
    out = np.zeros(len(block.offsets) - 1, np.int64)
    for first, last in chunks(block):
        part = values[block.offsets[first] : block.offsets[last]]
        running = np.concatenate(([0], np.cumsum(part)))
        offsets = block.offsets[first : last + 1] - block.offsets[first]
        out[first:last] = np.diff(running[offsets])
    return out


def readable(trace: Trace) -> NDArray[np.bool_]:  # [call]
    """Calls whose request the log shows as text; block hashes and lengths alone are none."""
    text = trace.segments.kind[trace.request.ids] != SegmentKind.BLOCK
    return trace.has_content & (per_call(trace.request, text.astype(np.int64)) > 0)
