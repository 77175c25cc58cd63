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
from costopt.findings.memo import once
from costopt.findings.places import Int, dearest, times_a_session, total
from costopt.findings.resending import Resent, is_head, resent_history
from costopt.findings.sent_again import evidence_of, served, with_cache, without_cache
from costopt.model.finding import Finding

NAME = "history_resent"
KEPT_BLOCKS = 16
"""About eight turns of a question and an answer, the upper end of the checklist's item 4."""
MARK = "Put a cache_control mark on the last message of every call."
WINDOW = f"assumes that the last {KEPT_BLOCKS} blocks are enough; no prompt cache for this model"


def find(context: AuditContext) -> list[Finding]:
    """One finding a place and kind of cache."""
    resent = resent_history(context)
    found = [
        served(
            context, place, NAME, _title(context, place.label, place.rows, resent), MARK,
            evidence_of(resent, place.rows),
        )
        for place in with_cache(context, resent, context.trace.input_tokens)
    ]  # fmt: skip
    found += [
        _without_cache(context, label, rows) for label, rows in without_cache(context, resent)
    ]
    return [f for f in found if f.usd > 0 or f.already_saved > 0]


def _without_cache(context: AuditContext, label: str, rows: Int) -> Finding:
    resent, old = resent_history(context), _old_pusd(context)
    return Finding(
        NAME, _title(context, label, rows, resent), total(old, rows), dearest(rows, old),
        f"Keep the first message and the last {KEPT_BLOCKS} blocks; this model has no prompt cache.",
        "window", total(resent.already_saved, rows), True,
        evidence_of(resent, rows) | {"basis": WINDOW},
    )  # fmt: skip


@once
def _old_pusd(context: AuditContext) -> Int:  # [call]
    """Paid for resent history between the first message and the last blocks."""
    trace, at = context.trace, context.attribution
    block = trace.request
    behind = np.repeat(block.offsets[1:], block.lengths) - np.arange(len(block.ids))
    head = is_head(context)
    messages = np.concatenate(([0], np.cumsum(~head)))
    place = messages[1:] - np.repeat(messages[block.offsets[:-1]], block.lengths)
    old = at.use_resent & ~head & (behind > KEPT_BLOCKS) & (place > 1)
    return per_call(block, np.where(old, at.use_pusd, 0))


def _title(context: AuditContext, label: str, rows: Int, resent: Resent) -> str:
    tokens = int(np.median(resent.tokens[rows]))
    times = times_a_session(context, rows)
    return f"{label}: {tokens:,} tokens of history sent again {times}"
