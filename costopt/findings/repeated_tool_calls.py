"""The same tool is called again with the same arguments while its result still stands in the context.

## Where the money goes
The model asks again for what it was told already. The call is paid as output, and the second copy of the
result as input in every later call of the session.

## How it is found
Inside each request: tool calls whose name and arguments (compared without white space and order of keys)
stand there before, and whose result is byte for byte the earlier one. A repeat whose result differs did
new work and is not counted. `usd` is what was paid for the repeated results in all requests; and, where
the call itself was needless, for the call and for writing it. It was needless unless the tool acts by its
name (write, run, book, ...) or something that may have changed the answer was called in between.
`already_saved` is what the provider's cache took off.

## What can go wrong
Calls and results are paired by their order, so a request whose calls and results do not match in number is
left out. A repeat may be wanted (waiting for a job): see `loops`.

## Fix
Keep results by tool and arguments in the code that runs the tools, and answer `same as before` in a few
words where nothing is new.
"""

from __future__ import annotations

import numpy as np

from costopt.billing.context import AuditContext
from costopt.billing.segment_counts import group_sums
from costopt.findings.places import Int, by_code, dearest, places, shown_name, total
from costopt.findings.repeats import Repeats, repeats, same_arguments
from costopt.findings.what_if import cache_saving_of
from costopt.model.call import SegmentKind
from costopt.model.finding import Finding

NAME = "repeated_tool_calls"


def find(context: AuditContext) -> list[Finding]:
    """One finding a place and tool."""
    same = same_arguments(context)
    again = repeats(context, same)
    if not len(again.use):
        return []
    names = context.trace.segments.name
    code = places(context).code[again.call] * len(names.values) + again.name
    written = _written(context, same, again)
    found = [
        _finding(context, again, rows, written)
        for _, rows in by_code(code, np.ones(len(again.use), np.bool_))
    ]
    return [f for f in found if f.usd > 0]


def _written(context: AuditContext, same: Int, again: Repeats) -> Int:  # [call]
    """Paid for writing calls that are repeats: their own request holds the call, and a later one of the
    session holds it twice with the same result."""
    trace = context.trace
    width = np.int64(len(trace.segments))
    known = trace.session[again.call].astype(np.int64) * width + again.same
    known = np.unique(known[again.needless])
    use = np.flatnonzero((trace.segments.kind == SegmentKind.TOOL_CALL)[trace.response.ids])
    call = np.searchsorted(trace.response.offsets, use, side="right") - 1
    what = same[trace.response.ids[use]]
    confirmed = np.isin(trace.session[call].astype(np.int64) * width + what, known)
    use, call, what = use[confirmed], call[confirmed], what[confirmed]
    inside = np.isin(call * width + what, _asked_before(context, same, np.unique(call)))
    return group_sums(context.attribution.out_pusd[use[inside]], call[inside], trace.n)


def _asked_before(context: AuditContext, same: Int, calls: Int) -> Int:
    """Keys (call, arguments) of the tool calls that stand in these calls' requests."""
    trace = context.trace
    block = trace.request
    of_call = np.repeat(calls, block.lengths[calls])
    what = same[block.ids[block.uses_of(calls)]]
    return np.unique((of_call * np.int64(len(trace.segments)) + what)[what >= 0])


def _finding(context: AuditContext, again: Repeats, rows: Int, written: Int) -> Finding:
    at, trace = context.attribution, context.trace
    call = again.call[rows]
    asked = rows[again.needless[rows]]
    use = np.concatenate((again.result_use[rows], again.use[asked]))
    of_call = np.concatenate((call, again.call[asked]))
    pusd = group_sums(at.use_pusd[use], of_call, trace.n)
    cached = group_sums(at.use_cached_tokens[use], of_call, trace.n)
    name = int(again.name[rows[0]])
    place = places(context).code[call[0]]
    writers = _writers(context, again, rows, written, int(place))
    pusd[writers] += written[writers]
    calls = np.union1d(np.unique(call), writers)
    tool = shown_name(trace.segments.name.values[name]) if name else "a tool"
    width = np.int64(len(trace.segments))
    distinct = len(np.unique(trace.session[call].astype(np.int64) * width + again.same[rows]))
    return Finding(
        NAME, f"{places(context).labels[int(place)]}: {tool} called again with the same arguments",
        total(pusd, calls), dearest(calls, pusd),
        f"Answer `same as before` where {tool} would repeat a result that is in the context.",
        "tool_dedup", total(cache_saving_of(context, calls, cached[calls]), np.arange(len(calls))),
        evidence={
            "repeated": distinct, "requests_with_repeats": len(np.unique(call)),
            "needless_share": round(float(again.needless[rows].mean()), 4),
        },
    )  # fmt: skip


def _writers(context: AuditContext, again: Repeats, rows: Int, written: Int, place: int) -> Int:
    """Calls of the place that wrote a repeat in the sessions concerned, of this tool alone."""
    trace = context.trace
    tool = trace.dims["tool"]
    name = trace.segments.name.values[int(again.name[rows[0]])]
    alone = np.array([set(v.split(",")) == {name} for v in tool.values], np.bool_)[tool.codes]
    chosen = (written > 0) & alone & (places(context).code == place)
    return np.flatnonzero(chosen & np.isin(trace.session, trace.session[again.call[rows]]))
