"""Which calls an edit can have touched: all of every cache tree in which one call is another than before.

The provider's cache knows no session and no agent, only trees of prefixes (`forest.py`): a call that
changes is seen by everything in its tree, and by nothing in another. A call that moves touches two.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.kernel import for_kernel
from costopt.billing.prompt_cache.namespace import combined, namespace_codes
from costopt.billing.prompt_cache.rules import RuleColumns
from costopt.model.leaf import INPUT
from costopt.model.trace import Categorical, Ragged, Trace
from costopt.model.view import View

Rows = NDArray[np.bool_]
Int = NDArray[np.int64]


def changed_calls(
    before: View, after: View, was: RuleColumns, now: RuleColumns, by_kernel: bool
) -> Rows:
    """Calls that the cache sees otherwise: their bytes, marks, length, time, place or rules."""
    out = was.differs(now)
    if before.sent is not after.sent:
        out |= before.sent != after.sent
    if before.at_us is not after.at_us:
        out |= before.at_us != after.at_us
    if before.leaves is not after.leaves:
        out |= (before.leaves[:, INPUT] != after.leaves[:, INPUT]).any(axis=1)
    for name in ("request", "response"):
        out |= other_blocks(getattr(before, name), getattr(after, name), by_kernel)
    return out | moved(before.provider, after.provider) | moved(before.model, after.model)


def moved(before: Categorical, after: Categorical) -> Rows:
    """Rows with another text than before."""
    if before is after:
        return np.zeros(len(before.codes), np.bool_)
    place = {value: code for code, value in enumerate(before.values)}
    as_before = np.array([place.get(v, -1) for v in after.values], np.int32)
    return before.codes != as_before[after.codes]


def other_blocks(a: Ragged, b: Ragged, by_kernel: bool) -> Rows:
    """Rows of two ragged columns over the same calls whose blocks or marks are not equal."""
    if a is b:
        return np.zeros(len(a.offsets) - 1, np.bool_)
    if by_kernel:
        from costopt.billing.prompt_cache.compiled_entries import differing

        return differing(
            for_kernel(a.offsets), for_kernel(a.ids), for_kernel(a.flags), for_kernel(b.offsets),
            for_kernel(b.ids), for_kernel(b.flags),
        )  # fmt: skip
    out: Rows = a.lengths != b.lengths
    same = np.flatnonzero(~out)
    first, second = a.uses_of(same), b.uses_of(same)
    unlike = (a.ids[first] != b.ids[second]) | (a.flags[first] != b.flags[second])
    out[same] = np.bincount(np.repeat(same, a.lengths[same])[unlike], minlength=len(out))[same] > 0
    return out


def affected_calls(before: View, after: View, hidden: Int, changed: Rows) -> Int:
    """Row numbers of all calls that stand, or stood, in a tree with a changed one."""
    if not changed.any():
        return np.zeros(0, np.int64)
    trees = combined([namespace_codes(before), hidden], len(hidden))
    touched = np.zeros(int(trees.max()) + 1, np.bool_)
    touched[trees[changed]] = True
    rows = touched[trees] | changed
    if before.model is not after.model or before.provider is not after.provider:
        trees = combined([namespace_codes(after), hidden], len(hidden))
        touched = np.zeros(int(trees.max()) + 1, np.bool_)
        touched[trees[rows & changed]] = True
        rows |= touched[trees]
    return np.flatnonzero(rows)


def parts_of_views(before: View, after: View, rows: Int, by_kernel: bool) -> tuple[View, View]:
    """Both views of these calls; what they share, their parts share."""
    old = part_of_view(before, rows, by_kernel)
    return old, part_of_view(after, rows, by_kernel, (before, old))


def part_of_view(
    view: View, rows: Int, by_kernel: bool, known: tuple[View, View] | None = None
) -> View:
    """The view of these calls as the cache sees them: columns that it does not read are left out.

    `known`: another view of the trace, and its part of the same calls.
    """

    def ragged(name: str) -> Ragged:
        whole: Ragged = getattr(view, name)
        if known is not None and getattr(known[0], name) is whole:
            part: Ragged = getattr(known[1], name)
            return part
        return _ragged(whole, rows, by_kernel)

    trace = part_of_trace(view.trace, rows) if known is None else known[1].trace
    return replace(
        view, trace=trace, sent=view.sent[rows],
        provider=_categorical(view.provider, rows), model=_categorical(view.model, rows),
        service_tier=_categorical(view.service_tier, rows), region=_categorical(view.region, rows),
        leaves=view.leaves[rows], request=ragged("request"), response=ragged("response"),
        max_tokens=view.max_tokens[rows], at_us=view.at_us[rows],
    )  # fmt: skip


def part_of_trace(trace: Trace, rows: Int) -> Trace:
    """What the cache and the meter read of a trace; texts of a call and its recorded blocks are not."""
    columns = (
        "session", "session_known", "at_us", "latency_ms", "ttft_ms", "leaves", "usage_state",
        "status", "web_searches", "requests", "has_content",
    )  # fmt: skip
    place = {row: i for i, row in enumerate(rows.tolist())} if trace.extra else {}
    return replace(
        trace, **{name: getattr(trace, name)[rows] for name in columns}, id=(), parent_id=(),
        error=(), metadata={}, dims={n: _categorical(c, rows) for n, c in trace.dims.items()},
        extra=tuple((place[r], m, v) for r, m, v in trace.extra if r in place),
    )  # fmt: skip


def _categorical(column: Categorical, rows: Int) -> Categorical:
    if len(column.values) == 1:  # most columns of most logs: nobody told
        return Categorical(np.zeros(len(rows), column.codes.dtype), column.values)
    return Categorical(column.codes[rows], column.values)


def _ragged(column: Ragged, rows: Int, by_kernel: bool) -> Ragged:
    offsets = np.concatenate(([0], np.cumsum(column.lengths[rows]))).astype(np.int64)
    if not by_kernel:
        uses = column.uses_of(rows)
        return Ragged(offsets, column.ids[uses], column.flags[uses])
    from costopt.billing.prompt_cache.compiled_entries import taken

    ids, flags = np.empty(int(offsets[-1]), np.int32), np.empty(int(offsets[-1]), np.uint8)
    taken(
        rows, for_kernel(column.offsets), for_kernel(column.ids), for_kernel(column.flags), offsets,
        ids, flags,
    )  # fmt: skip
    return Ragged(offsets, ids, flags)
