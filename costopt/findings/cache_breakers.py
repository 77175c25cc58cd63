"""Text that changes from call to call stands in front of text that does not, and breaks the cache.

## Where the money goes
A provider's cache serves the longest beginning that two requests share, byte for byte. One clock, request
id or reordered tool near the top, and everything behind it is paid at the full price, on every call.

## How it is found
Each call is compared with the one before it in its session (for a first call: of its agent), segment by
segment and then byte by byte. Where they part and then go on with text that both have, that text could
have been read from the cache. What the place holds (a clock, an id, a counter, reordered or changed
tools, edited, cut or inserted history) is told from the differing text. `usd` is the bill difference if
the shared text behind the place had been read, times the share of unbroken prefixes that the provider
really served in this log. Where the fix would send text that is now dropped, its price is taken off.

## What can go wrong
Without text in the log nothing is claimed. A provider that never served this model's unbroken prefixes
would not serve the mended ones either: then nothing is claimed. Where the log has no unbroken calls, the
provider is taken at its word, though real caches serve less. Some edits of history are wanted: see
`history_resent` before undoing them.

## Fix
Move what changes behind what does not, round clocks to the day, sort tools by name, append instead of
editing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.billing.context import AuditContext
from costopt.findings.breaks import (
    MOST_PAIRS,
    Breaks,
    breaks,
    read_texts,
    segment_tokens,
    shares_text,
)
from costopt.findings.difference import CLOCK, COUNTER, IDENTIFIER, TEXT, Difference
from costopt.findings.lineage import lineage, served_evidence, served_share, writes_nothing
from costopt.findings.places import Int, Mask, by_code, dearest, places, total
from costopt.findings.what_if import saved_by_reading
from costopt.model.call import SegmentKind
from costopt.model.finding import Finding

NAME = "cache_breakers"
LEAST_CALLS = 3
"""Fewer breaks of one kind at one place are a prompt that was edited once, not a habit."""
LEAST_ALIKE = 0.5
"""Of a system prompt or tool: where less is shared, two different prompts take turns, nothing broke."""
FAR_USES = 64
"""Breaks so far down a request are taken for one position: there it is the conversation that differs."""
REORDERED, CHANGED_TOOLS, EDITED, CUT, INSERTED = (
    "reordered tools", "changed tools", "edited history", "history cut", "inserted text",
)  # fmt: skip
KINDS = (CLOCK, IDENTIFIER, COUNTER, TEXT, REORDERED, CHANGED_TOOLS, EDITED, CUT, INSERTED)
_WHERE = {
    SegmentKind.TOOLS: "tools", SegmentKind.SYSTEM: "system prompt", SegmentKind.USER: "user message",
    SegmentKind.TOOL_RESULT: "tool result", SegmentKind.ASSISTANT: "assistant message",
}  # fmt: skip
_FIX = {
    CLOCK: "Move the clock to the end of the last message, or round it to the day.",
    IDENTIFIER: "Move the id out of the prompt, or behind everything that stays the same.",
    COUNTER: "Move the counter behind everything that stays the same.",
    TEXT: "Move the changing text behind everything that stays the same.",
    REORDERED: "Sort the tools by name before every call.",
    CHANGED_TOOLS: "Send the same tools in every call of a session, and forbid some by tool_choice.",
    EDITED: "Append to the history instead of editing earlier messages.",
    CUT: "Cut the history in large, rare chunks, or not at all while the cache serves it.",
    INSERTED: "Append new text behind the history instead of putting it in front.",
}
BASIS = "assumes the prefix was still alive: the log has no times"


@dataclass(frozen=True, slots=True)
class _Told:
    """What the breaks are; every array is [break]."""

    kind: NDArray[np.int8]  # into KINDS
    before_tokens: Int  # of the differing segment, in front of the difference
    behind_tokens: Int  # of the differing segment, shared again behind it
    example: dict[int, Difference]


def find(context: AuditContext) -> list[Finding]:
    """One finding for each place, kind of break and kind of segment."""
    found = breaks(context)
    if not len(found.call):
        return []
    told = _tell(context, found)
    saved = _saved(context, found, told)
    touched = saved[found.call] != 0
    where = context.trace.segments.kind[found.segment].astype(np.int64)
    code = (places(context).code[found.call] * len(KINDS) + told.kind) * len(SegmentKind) + where
    out = []
    for _, rows in by_code(code, touched):
        if len(rows) >= LEAST_CALLS:
            out.append(_finding(context, found, told, rows, saved))
    return [f for f in out if f.usd > 0]


def _tell(context: AuditContext, found: Breaks) -> _Told:
    """Kinds from the segments, then from the texts; what the read pairs show holds for their like."""
    n = len(found.call)
    kind = _kinds_from_segments(context, found)
    comparable = shares_text(context, found)
    size = segment_tokens(context, found)
    at_stake = context.bill.input_pusd[found.call]
    candidates = np.flatnonzero(comparable)
    chosen = dearest(candidates, at_stake)[:MOST_PAIRS]
    example = read_texts(context, found, chosen)
    share = np.zeros((2, n))
    texts_kind = np.full(n, -1, np.int8)
    for number, one in example.items():
        length = max(1, one.length)
        share[:, number] = one.at / length, one.shared_behind / length
        texts_kind[number] = KINDS.index(one.kind)
    _spread(context, found, comparable, texts_kind, share)
    kind = _merged(kind, texts_kind)
    # Two prompts that share little are two prompts. Plain new text in a message is the conversation.
    alike = share.sum(axis=0) >= LEAST_ALIKE
    share = np.where(alike, share, 0.0)
    return _Told(
        kind, (share[0] * size).astype(np.int64), (share[1] * size).astype(np.int64), example
    )


def _spread(
    context: AuditContext, found: Breaks, comparable: Mask, kind: NDArray[np.int8],
    share: NDArray[np.float64],
) -> None:  # fmt: skip
    """In place: pairs that were not read are like the mean of those of their place that were."""
    where = context.trace.segments.kind[found.segment].astype(np.int64)
    code = places(context).code[found.call] * len(SegmentKind) + where
    code = code * FAR_USES + np.minimum(found.use, FAR_USES - 1)
    for _, rows in by_code(code, comparable):
        read = rows[kind[rows] >= 0]
        unread = rows[kind[rows] < 0]
        if len(read) and len(unread):
            kind[unread] = np.bincount(kind[read]).argmax()
            share[:, unread] = share[:, read].mean(axis=1, keepdims=True)


def _kinds_from_segments(context: AuditContext, found: Breaks) -> NDArray[np.int8]:
    kinds = context.trace.segments.kind
    tools = kinds[found.segment] == SegmentKind.TOOLS
    tools |= kinds[found.old_segment] == SegmentKind.TOOLS
    system = kinds[found.segment] == SegmentKind.SYSTEM
    edited = lineage(context).same_session[found.call] & (found.behind_tokens > 0) & ~system
    kind = np.where(edited, KINDS.index(EDITED), KINDS.index(TEXT)).astype(np.int8)
    kind[found.moved] = KINDS.index(CUT)
    kind[found.inserted] = KINDS.index(INSERTED)
    kind[tools] = KINDS.index(CHANGED_TOOLS)
    kind[found.same_tools] = KINDS.index(REORDERED)
    return kind


def _merged(kind: NDArray[np.int8], texts: NDArray[np.int8]) -> NDArray[np.int8]:
    """A clock, id or counter is called so wherever it stands; other text by the segment's own kind."""
    told = (texts >= 0) & (texts != KINDS.index(TEXT))
    return np.where(told, texts, kind)


def _saved(context: AuditContext, found: Breaks, told: _Told) -> Int:  # [call]
    line, trace = lineage(context), context.trace
    kept = line.kept_tokens[found.call] + told.before_tokens
    mended = kept + told.behind_tokens + found.behind_tokens
    everywhere = np.zeros((2, trace.n), np.int64)
    everywhere[0, found.call], everywhere[1, found.call] = kept, mended
    could, would = line.in_steps(everywhere[0]), line.in_steps(everywhere[1])
    more = np.maximum(would - np.maximum(could, trace.cache_read), 0)
    more = np.minimum(more, trace.input_tokens - trace.cache_read)
    chance = np.where(writes_nothing(context), 0.0, served_share(context))
    extra = np.zeros(trace.n, np.int64)
    put_back = np.isin(told.kind, [KINDS.index(CUT), KINDS.index(EDITED)])
    extra[found.call[put_back]] = found.dropped_tokens[put_back]
    extra = np.where(more > 0, extra, 0)
    return saved_by_reading(context, (more * chance).astype(np.int64), also_sent=extra)


def _finding(context: AuditContext, found: Breaks, told: _Told, rows: Int, saved: Int) -> Finding:
    calls = found.call[rows]
    kind = KINDS[int(told.kind[rows[0]])]
    label = places(context).labels[int(places(context).code[calls[0]])]
    segment = SegmentKind(int(context.trace.segments.kind[found.segment[rows[0]]]))
    where = _WHERE.get(segment, "history")
    ordered = dearest(calls, saved)
    unknown_gap = bool((lineage(context).gap_us[calls] < 0).any())
    evidence = _evidence(found, told, rows, saved) | {"where": where, "kind": kind}
    evidence |= served_evidence(context, calls)
    if unknown_gap:
        evidence["basis"] = BASIS
    return Finding(
        NAME, f"{label}: {_cause(kind, where)}", total(saved, calls), ordered, _FIX[kind],
        "prompt_layout", estimated=unknown_gap, evidence=evidence,
    )  # fmt: skip


def _cause(kind: str, where: str) -> str:
    if kind in (CLOCK, IDENTIFIER, COUNTER, TEXT):
        return f"{kind} in {where} breaks the cache"
    many = kind in (REORDERED, CHANGED_TOOLS)
    return f"{kind} {'break' if many else 'breaks'} the cache"


def _evidence(found: Breaks, told: _Told, rows: Int, saved: Int) -> dict[str, object]:
    by_worth = rows[np.argsort(-saved[found.call[rows]], kind="stable")]
    shown = next((told.example[r] for r in by_worth.tolist() if r in told.example), None)
    evidence: dict[str, object] = {
        "segment_number": int(np.median(found.use[rows])) + 1,
        "tokens_behind": int(np.median(told.behind_tokens[rows] + found.behind_tokens[rows])),
        "pairs_read": sum(r in told.example for r in rows.tolist()),
    }
    if shown is not None:
        evidence |= {"byte": shown.byte, "before": shown.before, "after": shown.after}
    return evidence
