"""What calls send again, split into the prompt's head (tools, system, hidden prefix) and the history.

And the part of it that the provider could have read from its cache by its own rules, but did not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.billing.context import AuditContext
from costopt.billing.segment_counts import per_call
from costopt.findings.lineage import lineage, running_tokens, writes_nothing
from costopt.findings.memo import once
from costopt.findings.what_if import cache_saving_of, saved_by_reading
from costopt.model.bill import PriceStatus
from costopt.model.call import SegmentKind

AUTOMATIC = "assumes that every living byte-equal prefix is served; the provider promises none"
LITTLE_SHARE = 0.05
"""Of what the cache has saved: less is what providers miss now and then, and not worth a change."""
Int = NDArray[np.int64]
Mask = NDArray[np.bool_]
HEAD_KINDS = (SegmentKind.TOOLS, SegmentKind.SYSTEM)


@dataclass(frozen=True, slots=True)
class Resent:
    """Every array is [call]."""

    tokens: Int
    pusd: Int
    """What was paid for them, after the provider's cache."""
    cached_tokens: Int
    already_saved: Int
    """By the provider's cache, on exactly these tokens."""
    missed: Int
    """Tokens of the part that by the provider's rules could have been read, and were not."""


@once
def resent_head(context: AuditContext) -> Resent:
    """Tools, system prompt and hidden prefix, in every call of a session but its first."""
    trace, at = context.trace, context.attribution
    head = is_head(context) & at.use_resent
    again = (trace.step > 1) & trace.has_content
    hidden = np.where(again, at.hidden_tokens, 0)
    read = np.where(again, at.hidden_cached_tokens, 0)
    paid = np.where(again, at.hidden_pusd, 0)
    return _resent(context, head, (hidden, paid, read), _missed(context, of_head=True))


@once
def resent_history(context: AuditContext) -> Resent:
    """Messages, tool calls and results that stood in an earlier call of the session."""
    history = ~is_head(context) & context.attribution.use_resent
    none = np.zeros(context.trace.n, np.int64)
    return _resent(context, history, (none, none, none), _missed(context, of_head=False))


def _resent(context: AuditContext, uses: Mask, extra: tuple[Int, Int, Int], missed: Int) -> Resent:
    trace, at = context.trace, context.attribution
    columns = (at.use_tokens, at.use_pusd, at.use_cached_tokens)
    tokens, pusd, cached = (
        per_call(trace.request, np.where(uses, column, 0)) + more
        for column, more in zip(columns, extra, strict=True)
    )
    # A failed or unpriced call may carry text; what cost nothing is not counted as sent again.
    priced = context.bill.status == PriceStatus.PRICED
    tokens, cached = np.where(priced, tokens, 0), np.where(priced, cached, 0)
    saved = cache_saving_of(context, np.arange(trace.n), cached)
    return Resent(tokens, pusd, cached, saved, missed)


def is_head(context: AuditContext) -> Mask:  # [use]
    """Tools and system prompt."""
    trace = context.trace
    return np.isin(trace.segments.kind, HEAD_KINDS)[trace.request.ids]


@once
def head_tokens(context: AuditContext) -> Int:  # [call]
    """Hidden prefix, tools and system prompt at the front of each call."""
    block, running = context.trace.request, running_tokens(context)
    other = np.concatenate(([0], np.cumsum(~is_head(context))))
    front = other[:-1] == np.repeat(other[block.offsets[:-1]], block.lengths)
    # A use belongs to the front while no other kind stood before it, itself included.
    front &= is_head(context)
    size = per_call(block, front.astype(np.int64))
    start = block.offsets[:-1]
    return context.attribution.hidden_tokens + running[start + size] - running[start]


@once
def _missed_tokens(context: AuditContext) -> tuple[Int, Int]:
    """(could have been read, were read) of calls whose cache was alive; equal elsewhere."""
    line, read = lineage(context), context.trace.cache_read
    could = np.where(line.judged & line.alive, line.in_steps(line.kept_tokens), 0)
    return np.maximum(could, read), read


def _missed(context: AuditContext, *, of_head: bool) -> Int:
    could, read = _missed_tokens(context)
    head = head_tokens(context)
    in_head = np.minimum(could, head) - np.minimum(read, head)
    return in_head if of_head else could - read - in_head


def saved_if_read(context: AuditContext, resent: Resent, marked_upto: Int) -> Int:  # [call]
    """Dollars if the missed part had been read. Calls of a place that never marked anything pay for
    writing what stands behind it up to `marked_upto`, the first call of a session included."""
    line = lineage(context)
    writes = np.where(writes_nothing(context), line.in_steps(marked_upto) - resent.missed, 0)
    return saved_by_reading(context, resent.missed, written=np.maximum(writes, 0))


def wants_marks(context: AuditContext, rows: Int, resent: Resent) -> bool:
    """Most of it was missed where only marked prompts are read: the marks are missing, for certain.

    Marked prompts are missed now and then as well; that is the provider's doing.
    """
    marks = bool(lineage(context).rules.breakpoints[rows].any())
    return marks and int(resent.missed[rows].sum()) > int(resent.cached_tokens[rows].sum())


def fix_of(context: AuditContext, rows: Int, usd: int, already_saved: int, mark: str) -> str:
    """One sentence that fits the provider; `mark` where marks are missing."""
    if usd <= LITTLE_SHARE * already_saved:
        return "Keep its bytes as they are; the provider's cache already serves it."
    if mark:
        return mark
    rules = lineage(context).rules
    provider = rules.names[int(rules.rule[rows[0]])][0]
    if provider in ("openai", "azure"):
        return "Send one prompt_cache_key a conversation, so that its calls reach the same cache."
    if provider == "google":
        return "Use an explicit cache: the implicit one missed what it could have read."
    return "Keep its bytes equal and its calls close together: the cache missed what it could read."
