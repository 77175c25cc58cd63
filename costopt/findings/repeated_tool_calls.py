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

import json
import re
from dataclasses import dataclass

import numpy as np

from costopt.billing.context import AuditContext
from costopt.billing.segment_counts import chunks
from costopt.findings.places import Int, Mask, by_code, dearest, places, shown_name, total
from costopt.findings.what_if import cache_saving_of
from costopt.model.call import SegmentKind
from costopt.model.finding import Finding
from costopt.model.trace import Categorical

NAME = "repeated_tool_calls"
MOST_TEXTS = 200_000
"""Distinct argument texts that are compared without white space and order; beyond, only byte-equal ones."""
BATCH = 5_000
LEAST_RESULT_TOKENS = 50
"""`same as before` takes some tokens itself."""
_SPACE = re.compile(r"\s+")
_READS = re.compile(
    r"(?i)^(get|read|list|find|search|fetch|look_?up|query|retrieve|view|show|check|describe|count)"
)
_CHANGES = re.compile(
    r"(?i)(write|edit|create|delete|remove|update|modify|apply|patch|insert|append|replace|move|rename"
    r"|commit|push|book|cancel|send|submit|pay|refund|transfer|exchange|return|set_|bash|shell|exec"
    r"|command|terminal|click|type|navigate|press)"
)
_ACTS = re.compile(r"(?i)(run|test|build|deploy|start|stop|wait|sleep|poll)")


def find(context: AuditContext) -> list[Finding]:
    """One finding a place and tool."""
    same = _same_arguments(context)
    repeats = _repeats(context, same)
    if not len(repeats.use):
        return []
    names = context.trace.segments.name
    code = places(context).code[repeats.call] * len(names.values) + repeats.name
    written = _written(context, same, repeats)
    found = [
        _finding(context, repeats, rows, written)
        for _, rows in by_code(code, np.ones(len(repeats.use), np.bool_))
    ]
    return [f for f in found if f.usd > 0]


def _same_arguments(context: AuditContext) -> Int:  # [segment]
    """A code for every tool call segment: equal for equal name and arguments; -1: no tool call."""
    segments = context.trace.segments
    code = np.where(segments.kind == SegmentKind.TOOL_CALL, np.arange(len(segments)), -1)
    calls = np.flatnonzero((code >= 0) & segments.has_text)[:MOST_TEXTS].astype(np.int32)
    first: dict[tuple[int, str], int] = {}
    for begin in range(0, len(calls), BATCH):
        part = calls[begin : begin + BATCH]
        for segment, text in zip(part.tolist(), context.texts.get(part), strict=True):
            if text is not None:
                key = (int(segments.name.codes[segment]), normal_arguments(text))
                code[segment] = first.setdefault(key, segment)
    return code


def normal_arguments(text: str) -> str:
    """Arguments without what does not matter: order of keys, runs of white space."""
    try:
        return json.dumps(_normal(json.loads(text)), sort_keys=True)
    except (ValueError, RecursionError):
        return _SPACE.sub(" ", text).strip()


def _normal(value: object) -> object:
    if isinstance(value, str):
        return _SPACE.sub(" ", value).strip()
    if isinstance(value, list):
        return [_normal(item) for item in value]
    if isinstance(value, dict):
        return {key: _normal(item) for key, item in value.items()}
    return value


@dataclass(frozen=True, slots=True)
class _Repeats:
    """Every array is [repeat]: a tool call inside a request that stood in the same request before."""

    use: Int
    result_use: Int
    call: Int
    name: Int
    same: Int
    needless: Mask
    """The tool only reads, and nothing that may have changed its answer was called in between."""


def _repeats(context: AuditContext, same: Int) -> _Repeats:
    parts = [_repeats_of(context, same, *ends) for ends in chunks(context.trace.request)]
    none = np.zeros(0, np.int64)
    whole = _Repeats(none, none, none, none, none, none.astype(np.bool_))
    columns = {
        name: np.concatenate([getattr(part, name) for part in (whole, *parts)])
        for name in _Repeats.__dataclass_fields__
    }
    return _worth_a_word(context, _Repeats(**columns))


def _worth_a_word(context: AuditContext, repeats: _Repeats) -> _Repeats:
    """Without repeats whose call was right and whose result is as short as the answer instead."""
    long = context.attribution.use_tokens[repeats.result_use] >= LEAST_RESULT_TOKENS
    kept = long | repeats.needless
    return _Repeats(*(getattr(repeats, name)[kept] for name in _Repeats.__dataclass_fields__))


def _repeats_of(context: AuditContext, same: Int, first: int, last: int) -> _Repeats:
    """Pair the n-th tool call of a request with its n-th result, then look for earlier equals."""
    trace = context.trace
    block, segments = trace.request, trace.segments
    base = int(block.offsets[first])
    ids = block.ids[base : int(block.offsets[last])]
    of_call = np.repeat(np.arange(first, last), block.lengths[first:last])
    asked = np.flatnonzero(segments.kind[ids] == SegmentKind.TOOL_CALL)
    got = np.flatnonzero(segments.kind[ids] == SegmentKind.TOOL_RESULT)
    size = last - first
    even = np.bincount(of_call[asked] - first, minlength=size) == np.bincount(
        of_call[got] - first, minlength=size
    )
    asked, got = asked[even[of_call[asked] - first]], got[even[of_call[got] - first]]
    call, what, result = of_call[asked], same[ids[asked]], ids[got].astype(np.int64)
    # Equal call, arguments and result inside one request: all but the first may be repeats.
    width = np.int64(len(segments))
    pair = np.unique(what * width + result, return_inverse=True)[1].reshape(-1)
    key = call * (np.int64(pair.max(initial=0)) + 1) + pair
    name = segments.name.codes[ids[asked]].astype(np.int64)
    changes, acts = _by_name(segments.name)
    again, unchanged = _stood_before(key, changes[name])
    needless = unchanged & ~acts[name]
    return _Repeats(
        base + asked[again],
        base + got[again],
        call[again],
        name[again],
        what[again],
        needless[again],
    )


def _by_name(names: Categorical) -> tuple[Mask, Mask]:
    """[name]: a tool that may change what others read; a tool that does something when it is called."""
    reads = [bool(_READS.search(n)) for n in names.values]
    changes = [bool(_CHANGES.search(n)) and not r for n, r in zip(names.values, reads, strict=True)]
    acts = [
        c or (bool(_ACTS.search(n)) and not r)
        for n, r, c in zip(names.values, reads, changes, strict=True)
    ]
    return np.array(changes, np.bool_), np.array(acts, np.bool_)


def _stood_before(key: Int, changes: Mask) -> tuple[Mask, Mask]:
    """(the same key stood before, and nothing that may change anything was called since)."""
    changed = np.cumsum(changes)
    order = np.argsort(key, kind="stable")
    same = key[order[1:]] == key[order[:-1]]
    quiet = same & (changed[order[1:]] == changed[order[:-1]])
    again, unchanged = np.zeros(len(key), np.bool_), np.zeros(len(key), np.bool_)
    again[order[1:][same]] = True
    unchanged[order[1:][quiet]] = True
    return again, unchanged


def _written(context: AuditContext, same: Int, repeats: _Repeats) -> Int:  # [call]
    """Paid for writing calls that are repeats: their own request holds the call, and a later one of the
    session holds it twice with the same result."""
    trace = context.trace
    width = np.int64(len(trace.segments))
    known = trace.session[repeats.call].astype(np.int64) * width + repeats.same
    known = np.unique(known[repeats.needless])
    use = np.flatnonzero((trace.segments.kind == SegmentKind.TOOL_CALL)[trace.response.ids])
    call = np.searchsorted(trace.response.offsets, use, side="right") - 1
    what = same[trace.response.ids[use]]
    confirmed = np.isin(trace.session[call].astype(np.int64) * width + what, known)
    use, call, what = use[confirmed], call[confirmed], what[confirmed]
    inside = np.isin(call * width + what, _asked_before(context, same, np.unique(call)))
    out = np.zeros(trace.n, np.int64)
    np.add.at(out, call[inside], context.attribution.out_pusd[use[inside]])
    return out


def _asked_before(context: AuditContext, same: Int, calls: Int) -> Int:
    """Keys (call, arguments) of the tool calls that stand in these calls' requests."""
    trace = context.trace
    block = trace.request
    lengths = block.lengths[calls]
    of_call = np.repeat(calls, lengths)
    inside = np.arange(len(of_call)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    what = same[block.ids[np.repeat(block.offsets[calls], lengths) + inside]]
    return np.unique((of_call * np.int64(len(trace.segments)) + what)[what >= 0])


def _finding(context: AuditContext, repeats: _Repeats, rows: Int, written: Int) -> Finding:
    at, trace = context.attribution, context.trace
    pusd, cached = np.zeros(trace.n, np.int64), np.zeros(trace.n, np.int64)
    call = repeats.call[rows]
    asked = rows[repeats.needless[rows]]
    for part, use in ((rows, repeats.result_use[rows]), (asked, repeats.use[asked])):
        np.add.at(pusd, repeats.call[part], at.use_pusd[use])
        np.add.at(cached, repeats.call[part], at.use_cached_tokens[use])
    name = int(repeats.name[rows[0]])
    place = places(context).code[call[0]]
    writers = _writers(context, repeats, rows, written, int(place))
    pusd[writers] += written[writers]
    calls = np.union1d(np.unique(call), writers)
    tool = shown_name(trace.segments.name.values[name]) if name else "a tool"
    width = np.int64(len(trace.segments))
    distinct = len(np.unique(trace.session[call].astype(np.int64) * width + repeats.same[rows]))
    return Finding(
        NAME, f"{places(context).labels[int(place)]}: {tool} called again with the same arguments",
        total(pusd, calls), dearest(calls, pusd),
        f"Answer `same as before` where {tool} would repeat a result that is in the context.",
        "tool_dedup", total(cache_saving_of(context, calls, cached[calls]), np.arange(len(calls))),
        evidence={
            "repeated": distinct, "requests_with_repeats": len(np.unique(call)),
            "needless_share": round(float(repeats.needless[rows].mean()), 4),
        },
    )  # fmt: skip


def _writers(context: AuditContext, repeats: _Repeats, rows: Int, written: Int, place: int) -> Int:
    """Calls of the place that wrote a repeat in the sessions concerned, of this tool alone."""
    trace = context.trace
    tool = trace.dims["tool"]
    name = trace.segments.name.values[int(repeats.name[rows[0]])]
    alone = np.array([set(v.split(",")) == {name} for v in tool.values], np.bool_)[tool.codes]
    chosen = (written > 0) & alone & (places(context).code == place)
    return np.flatnonzero(chosen & np.isin(trace.session, trace.session[repeats.call[rows]]))
