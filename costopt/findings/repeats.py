"""Tool calls inside a request that stand there before, with the same result: who repeats what."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.billing.context import AuditContext
from costopt.billing.segment_counts import chunks
from costopt.model.call import SegmentKind
from costopt.model.trace import Categorical

Int = NDArray[np.int64]
Mask = NDArray[np.bool_]
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


def same_arguments(context: AuditContext) -> Int:  # [segment]
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
class Repeats:
    """Every array is [repeat]: a tool call inside a request that stood in the same request before."""

    use: Int
    result_use: Int
    call: Int
    name: Int
    same: Int
    needless: Mask
    """The tool only reads, and nothing that may have changed its answer was called in between."""


def repeats(context: AuditContext, same: Int) -> Repeats:
    """Every repeat of every request, in order; `same` is what `same_arguments` gives."""
    parts = [_repeats_of(context, same, *ends) for ends in chunks(context.trace.request)]
    none = np.zeros(0, np.int64)
    whole = Repeats(none, none, none, none, none, none.astype(np.bool_))
    columns = {
        name: np.concatenate([getattr(part, name) for part in (whole, *parts)])
        for name in Repeats.__dataclass_fields__
    }
    return _worth_a_word(context, Repeats(**columns))


def _worth_a_word(context: AuditContext, found: Repeats) -> Repeats:
    """Without repeats whose call was right and whose result is as short as the answer instead."""
    long = context.attribution.use_tokens[found.result_use] >= LEAST_RESULT_TOKENS
    kept = long | found.needless
    return Repeats(*(getattr(found, name)[kept] for name in Repeats.__dataclass_fields__))


def _repeats_of(context: AuditContext, same: Int, first: int, last: int) -> Repeats:
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
    return Repeats(
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
