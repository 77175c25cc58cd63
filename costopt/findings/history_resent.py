"""Each step of a session sends everything that was said before once more.

## Where the money goes
Step n carries n - 1 earlier steps, so a session's input grows with the square of its length. That is
how chat APIs work and no waste by itself: the provider's cache reads most of it at a fraction of the
price. Waste is what it could have read and did not.

## How it is found
Messages, tool calls and tool results that stood in an earlier call of the session. `already_saved` says
what the cache has saved on them. `usd` is the unbroken, living, long enough part that was not read.
Broken prefixes, pauses and short prompts are findings of their own and not counted here. For a model
without a prompt cache `usd` is a hint: what the history between the first message and the last 16
blocks (about 8 turns) has cost.

## What can go wrong
Automatic caches promise nothing, so their misses are a hint. A window forgets: what it drops may be
asked for later, and with a cache it usually makes the bill dearer, because each slide breaks the prefix.

## Fix
Append only, mark the end of the last message where the provider wants marks; a window only for models
without a cache.
"""

from __future__ import annotations

import numpy as np

from costopt.billing.context import AuditContext
from costopt.billing.segment_counts import per_call
from costopt.findings.lineage import lineage
from costopt.findings.places import Int, by_place, dearest, times_a_session, total
from costopt.findings.resending import (
    AUTOMATIC,
    HEAD_KINDS,
    Resent,
    fix_of,
    resent_history,
    saved_if_read,
    wants_marks,
)
from costopt.model.finding import Finding
from costopt.money import PicoUsd, usd_float

NAME = "history_resent"
KEPT_BLOCKS = 16
"""About eight turns of a question and an answer, the upper end of the checklist's item 4."""
MARK = "Put a cache_control mark on the last message of every call."
WINDOW = f"assumes that the last {KEPT_BLOCKS} blocks are enough; no prompt cache for this model"


def find(context: AuditContext) -> list[Finding]:
    """One finding a place and kind of cache."""
    resent, rules = resent_history(context), lineage(context).rules
    again = (resent.tokens > 0) & context.trace.session_known
    saved = saved_if_read(context, resent, context.trace.input_tokens)
    found = [
        # A first call sends nothing again, but it pays for what marks would write.
        _served(context, label, rows[again[rows]], resent, total(saved, rows))
        for label, rows in by_place(context, rules.active & (again | (saved < 0)))
        if again[rows].any()
    ]
    if (again & ~rules.active).any():
        old = _old_pusd(context)
        found += [
            _without_cache(context, label, rows, resent, old)
            for label, rows in by_place(context, again & ~rules.active)
        ]
    return [f for f in found if f.usd > 0 or f.already_saved > 0]


def _served(context: AuditContext, label: str, rows: Int, resent: Resent, saved: int) -> Finding:
    usd, kept = max(0, saved), total(resent.already_saved, rows)
    certain = wants_marks(context, rows, resent)
    evidence = _evidence(context, rows, resent)
    if usd and not certain:
        evidence["basis"] = AUTOMATIC
    return Finding(
        NAME, _title(context, label, rows, resent), PicoUsd(usd), dearest(rows, resent.pusd),
        fix_of(context, rows, usd, kept, MARK if certain else ""), "prompt_layout", kept,
        bool(usd and not certain), evidence,
    )  # fmt: skip


def _without_cache(
    context: AuditContext, label: str, rows: Int, resent: Resent, old: Int
) -> Finding:
    return Finding(
        NAME, _title(context, label, rows, resent), total(old, rows), dearest(rows, old),
        f"Keep the first message and the last {KEPT_BLOCKS} blocks; this model has no prompt cache.",
        "window", total(resent.already_saved, rows), True,
        _evidence(context, rows, resent) | {"basis": WINDOW},
    )  # fmt: skip


def _old_pusd(context: AuditContext) -> Int:  # [call]
    """Paid for resent history between the first message and the last blocks."""
    trace, at = context.trace, context.attribution
    block = trace.request
    behind = np.repeat(block.offsets[1:], block.lengths) - np.arange(len(block.ids))
    is_head = np.isin(trace.segments.kind, HEAD_KINDS)[block.ids]
    messages = np.concatenate(([0], np.cumsum(~is_head)))
    place = messages[1:] - np.repeat(messages[block.offsets[:-1]], block.lengths)
    old = at.use_resent & ~is_head & (behind > KEPT_BLOCKS) & (place > 1)
    return per_call(block, np.where(old, at.use_pusd, 0))


def _title(context: AuditContext, label: str, rows: Int, resent: Resent) -> str:
    tokens = int(np.median(resent.tokens[rows]))
    times = times_a_session(context, rows)
    return f"{label}: {tokens:,} tokens of history sent again {times}"


def _evidence(context: AuditContext, rows: Int, resent: Resent) -> dict[str, object]:
    tokens = int(resent.tokens[rows].sum())
    return {
        "resent_tokens": tokens,
        "resent_usd": usd_float(total(resent.pusd, rows)),
        "cached_share": round(int(resent.cached_tokens[rows].sum()) / tokens, 4) if tokens else 0.0,
        "missed_tokens": int(resent.missed[rows].sum()),
    }
