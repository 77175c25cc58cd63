"""Work that nobody waits for: told by its names, by the hour at which it starts, and by who replies.

What a log can show is how calls depend on each other and whether a person wrote in between. That nobody
waits for the last answer of a session is inferred: by a name, or by starts that keep to the clock.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.billing.labels import named_background
from costopt.billing.prompt_cache.namespace import combined
from costopt.billing.segment_counts import per_call
from costopt.model.call import SegmentKind
from costopt.model.trace import NO_TIME, Trace
from costopt.model.view import View

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

HALF_HOUR_US, DAY_US = 1_800_000_000, 86_400_000_000
LEAST_DAYS, LEAST_CALLS = 5, 20
"""A working week, and four calls a day: fewer starts meet in two hours by chance."""
WINDOW_BINS, IN_WINDOW_SHARE = 4, 0.95
"""Two hours; one start in twenty may be a run by hand."""
_ANSWER = (SegmentKind.ASSISTANT, SegmentKind.TOOL_CALL, SegmentKind.REASONING)


def background_work(view: View) -> Bool:  # [call]
    """Named like background work or started by the clock, in sessions in which no person replies."""
    work = named_background(view.trace) | scheduled(view.trace)
    return work & ~any_in_session(view, answered_by_a_person(view))


def scheduled(trace: Trace) -> Bool:  # [call]
    """Calls of an (agent, task, workflow) whose starts keep to the same two hours of the day."""
    named = np.zeros(trace.n, np.bool_)
    parts = [trace.dims[name].codes for name in ("agent", "task", "workflow")]
    for part in parts:
        named |= part > 0
    code = combined(parts, trace.n)
    rows = np.flatnonzero(named & (trace.at_us != NO_TIME))
    order = rows[np.argsort(code[rows], kind="stable")]
    out = np.zeros(trace.n, np.bool_)
    for group in np.split(order, np.flatnonzero(np.diff(code[order])) + 1):
        if _keeps_to_the_clock(trace.at_us[group]):
            out[group] = True
    return out


def _keeps_to_the_clock(at_us: Int) -> bool:
    if len(at_us) < LEAST_CALLS or len(np.unique(at_us // DAY_US)) < LEAST_DAYS:
        return False
    # Half-hour bins around the clock; the busiest window may go past midnight.
    bins = np.bincount((at_us % DAY_US) // HALF_HOUR_US, minlength=48)
    windows = np.convolve(np.concatenate((bins, bins)), np.ones(WINDOW_BINS, np.int64), "valid")
    return bool(windows[:48].max() >= IN_WINDOW_SHARE * len(at_us))


def answered_by_a_person(view: View) -> Bool:  # [call]
    """Requests in which a user's message stands behind an answer: somebody replied, and waited."""
    block, kind = view.request, view.segments.kind
    kinds = kind[block.ids]
    answers = np.cumsum(np.isin(kinds, _ANSWER))
    before = np.concatenate(([0], answers))[block.offsets[:-1]]
    behind = (kinds == SegmentKind.USER) & (answers > np.repeat(before, block.lengths))
    return per_call(block, behind.astype(np.int64)) > 0


def chain_depth(view: View) -> Int:  # [call]
    """Batch windows that pass until the call's answer is there: 1, and one more for each answer of its
    session that its request is built on.

    Answers are told by their blocks. Of a call whose request is not in the log the place in its session
    counts. Steps that ran side by side and meet in one request count one each: an upper bound.
    """
    trace = view.trace
    depth = np.ones(trace.n, np.int64)
    np.add.at(depth, _built_on(view), 1)
    blind = ~trace.has_content & trace.session_known
    return np.where(blind, trace.step, depth)


def _built_on(view: View) -> Int:
    """[pair]: the later call of each (call, earlier call of the session whose answer it carries)."""
    trace, asked, said = view.trace, view.request, view.response
    session, giver = trace.session, said.call_of_use()
    first = np.full(
        len(view.segments), -1, np.int64
    )  # [segment]: the earliest call that answered it
    first[said.ids[::-1]] = giver[::-1]
    is_answer = np.isin(view.segments.kind, _ANSWER) & (first >= 0)
    use = np.flatnonzero(is_answer[asked.ids])
    call, answer = asked.call_of_use()[use], asked.ids[use]
    # An answer that several sessions got has an earliest call in each; most were given in one.
    common = np.zeros(len(view.segments), np.bool_)
    common[said.ids[session[giver] != session[first[said.ids]]]] = True
    found = np.where(common[answer], -1, first[answer])
    rest = np.flatnonzero(common[answer])
    if len(rest):
        held = common[said.ids]
        found[rest] = _earliest(
            session[call[rest]], answer[rest], session[giver[held]], said.ids[held], giver[held]
        )
    there = (found >= 0) & (found < call)
    there[there] = session[found[there]] == session[call[there]]
    pairs = call[there] * np.int64(trace.n) + found[there]
    pairs = np.sort(pairs, kind="stable")  # histories stand in order: sorted nearly already
    return pairs[np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)]] // trace.n


def _earliest(
    session: NDArray[np.int32], answer: NDArray[np.int32], of_session: NDArray[np.int32],
    given: NDArray[np.int32], giver: Int,
) -> Int:  # fmt: skip
    """[asked]: the earliest call of the session that gave the answer; -1: none did."""
    size = np.int64(max(answer.max(), given.max())) + 1
    wanted, keys = session * size + answer, of_session * size + given
    order = np.argsort(keys, kind="stable")  # earliest call first among equal answers
    keys, giver = keys[order], giver[order]
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, giver[at], -1)


def session_depth(view: View) -> Int:  # [call]
    """The deepest chain of the call's session: all of it waits for each window."""
    session = view.trace.session
    deepest = np.ones(len(view.trace.sessions), np.int64)
    np.maximum.at(deepest, session, chain_depth(view))
    return deepest[session]


def any_in_session(view: View, calls: Bool) -> Bool:  # [call]
    """Calls of sessions in which one of these calls stands."""
    hit = np.zeros(len(view.trace.sessions), np.bool_)
    hit[view.trace.session[calls]] = True
    return hit[view.trace.session]
