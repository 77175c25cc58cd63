"""A system prompt below 500 tokens.

The system prompt is sent with every call, so each of its tokens is paid for as often as the agent
takes a step.

## When it is harmful
Where the provider caches prompts, a long and stable system prompt costs a tenth. Cut below the
provider's minimum (1,024 tokens at OpenAI, 512 to 4,096 at Anthropic) the rest is no longer cached at
all, and a shorter prompt can cost more.

## How it is tested
Tokens of the system prompt in each request. The dollars: the same requests with the first 500 tokens of
it, through the model of the provider's cache, so that what falls below the minimum is billed fresh. What
the answers lose without the rest no log shows. A log that leaves the system prompt out shows a hidden
prefix at best, and the item is unknown.

## Source
Item 3 of the usual list of advice; minimums are dated rules of the price data with their sources.
"""

from __future__ import annotations

import numpy as np

from costopt.billing.context import AuditContext
from costopt.billing.segment_counts import per_call, readable
from costopt.checklist.evidence import Evidence
from costopt.checklist.measure import Tested, charged, is_kind, share_text, tested
from costopt.model.call import SegmentKind
from costopt.model.finding import CheckResult, CheckStatus
from costopt.money import show

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
    return _by_dollars(context, value, why)


def _by_dollars(context: AuditContext, value: str, why: str) -> CheckResult:
    found = tested(context, "system_prompt", f"its first {LIMIT_TOKENS} tokens")
    if found.usd is None:
        return _result(CheckStatus.UNKNOWN, value, f"{why} {found.why}", "")
    if found.harmful:
        why += f" Cutting it costs {show(-found.usd)} more: too little is left for the provider's cache."
        return _result(CheckStatus.HARMFUL, value, why, "Leave it above the minimum.", found)
    fix = "Move what is not needed on every call out of the system prompt; keep the rest stable."
    return _result(CheckStatus.FAIL, value, why, fix, found)


def _result(
    status: CheckStatus, value: str, why: str, fix: str, found: Tested | None = None
) -> CheckResult:
    usd, basis = (None, "") if found is None else (found.usd, found.basis)
    return CheckResult(ITEM, "system_prompt", TITLE, status, value, TARGET, why, fix, usd, basis)
