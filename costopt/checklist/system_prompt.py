"""A system prompt below 500 tokens.

The system prompt is sent with every call, so each of its tokens is paid for as often as the agent
takes a step.

## When it is harmful
Where the provider caches prompts, a long and stable system prompt costs a tenth. Cut below the
provider's minimum (1,024 tokens at OpenAI, 512 to 4,096 at Anthropic) the rest is no longer cached at
all, and a shorter prompt can cost more.

## How it is tested
Tokens of the system prompt in each request. The dollars: the same calls with 500 tokens of it, what
was cached of the rest taken off too; where less than the provider's minimum remains cached, nothing
is, and the rest is billed fresh. A log that leaves the system prompt out shows a hidden prefix at
best, and the item is unknown.

## Source
Item 3 of the usual list of advice; minimums are dated rules of the price data with their sources.
"""

from __future__ import annotations

import numpy as np

from costopt.billing.context import AuditContext
from costopt.billing.edits import shorter
from costopt.billing.prompt_cache.rules import rule_columns
from costopt.billing.segment_counts import per_call, readable
from costopt.checklist.evidence import Evidence
from costopt.checklist.measure import Int, charged, is_kind, saving, share_text
from costopt.model.call import SegmentKind
from costopt.model.finding import CheckResult, CheckStatus
from costopt.model.leaf import Leaf
from costopt.model.view import View
from costopt.money import PicoUsd, show

ITEM = 3
TITLE = "system prompt below 500 tokens"
TARGET = "at most 500 tokens on 95 % of calls"
LIMIT_TOKENS = 500
SHORT_SHARE = 0.95


def run(context: AuditContext, evidence: Evidence) -> CheckResult:
    """Length of system prompts, and the bill with the excess left out."""
    trace = context.trace
    shown = readable(trace) & charged(context)
    system = is_kind(trace, SegmentKind.SYSTEM)
    hidden = int(np.median(context.attribution.hidden_tokens[shown])) if shown.any() else 0
    if not shown.any() or (not system.any() and hidden > 0):
        why = "The log leaves the system prompt out."
        if hidden:
            why += f" A hidden prefix of about {hidden:,} tokens holds it, with the tools."
        return _result(CheckStatus.UNKNOWN, "", why, "Log the system prompt, then audit again.")
    if not system.any():
        return _result(CheckStatus.PASS, "no call has one", "", "")
    tokens = per_call(trace.request, np.where(system, context.attribution.use_tokens, 0))
    with_one = shown & (tokens > 0)
    if not with_one.any():
        return _result(CheckStatus.PASS, "no charged call has one", "", "")
    long = int((tokens[with_one] > LIMIT_TOKENS).sum())
    value = f"median {int(np.median(tokens[with_one])):,} tokens, longest {int(tokens.max()):,}"
    why = f"{share_text(long, int(with_one.sum()))} of the calls that have one are above 500."
    if long <= (1 - SHORT_SHARE) * with_one.sum():
        return _result(CheckStatus.PASS, value, why, "")
    usd, lost = _cut(context, tokens, per_call(trace.request, _cached(context, system)))
    if lost:
        why += f" On {lost:,} calls too little would be left for the provider's cache."
    if usd < 0:
        why += f" Cutting it costs {show(-usd)} more."
        return _result(CheckStatus.HARMFUL, value, why, "Leave it above the cache's minimum.", usd)
    fix = "Move what is not needed on every call out of the system prompt; keep the rest stable."
    return _result(CheckStatus.FAIL, value, why, fix, usd)


def _cached(context: AuditContext, system: np.ndarray) -> Int:
    return np.where(system, context.attribution.use_cached_tokens, 0)


def _cut(context: AuditContext, tokens: Int, cached: Int) -> tuple[PicoUsd, int]:
    """(dollars saved, calls that lose the cache) with the excess over 500 tokens not sent."""
    trace = context.trace
    excess = np.maximum(tokens - LIMIT_TOKENS, 0)
    fewer_read = np.minimum(
        cached * excess // np.maximum(tokens, 1), trace.leaves[:, Leaf.CACHE_READ]
    )
    leaves = trace.leaves.copy()
    leaves[:, Leaf.CACHE_READ] -= fewer_read
    leaves = shorter(leaves, excess - fewer_read)
    read = leaves[:, Leaf.CACHE_READ]
    minimum = rule_columns(View.of(trace), context.prices).min_tokens
    lost = (excess > 0) & (read > 0) & (read < minimum)
    leaves[lost, Leaf.INPUT_FRESH] += read[lost]
    leaves[lost, Leaf.CACHE_READ] = 0
    usd, _ = saving(context, leaves=leaves)
    return usd, int(lost.sum())


def _result(
    status: CheckStatus, value: str, why: str, fix: str, usd: PicoUsd | None = None
) -> CheckResult:
    basis = "" if usd is None else "estimate: the same calls with 500 tokens of it, after the cache"
    return CheckResult(ITEM, "system_prompt", TITLE, status, value, TARGET, why, fix, usd, basis)
