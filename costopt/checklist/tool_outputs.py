"""Tool outputs trimmed before they enter the context.

A long search result or file is paid for once when it arrives and again with every later call of its
session.

## When it is wrong
A later answer may need what was cut. Trim once, where the result first enters the context: a result
that is shortened later changes the prefix and breaks the provider's cache.

## How it is tested
Tokens of each distinct tool result in the requests. The dollars: what results above 2,000 tokens cost
beyond their first 1,000, new and sent again, at the price paid after the provider's cache; cutting at
the door leaves the prefix intact, so no cache is lost.

## Source
Item 5 of the usual list of advice; the limit of 2,000 tokens (about 1,500 words) is ours: three pages
of a document fit, a whole file or search dump does not.
"""

from __future__ import annotations

import numpy as np

from costopt.billing.attribution import split_in_order
from costopt.billing.context import AuditContext
from costopt.billing.segment_counts import readable
from costopt.checklist.evidence import Evidence
from costopt.checklist.measure import is_kind, share_text
from costopt.model.call import SegmentKind
from costopt.model.finding import CheckResult, CheckStatus
from costopt.money import PicoUsd, exact_sum

ITEM = 5
TITLE = "tool outputs trimmed before they enter the context"
TARGET = "95 % of results up to 2,000 tokens, the rest under 1 % of the bill"
LIMIT_TOKENS = 2_000
TRIM_TO_TOKENS = 1_000
SHORT_SHARE = 0.95
BILL_SHARE = 0.01


def run(context: AuditContext, evidence: Evidence) -> CheckResult:
    """Length of tool results, and what the excess costs."""
    trace = context.trace
    if not readable(trace).any():
        why = "The log carries no text, so tool results cannot be seen."
        return _result(CheckStatus.UNKNOWN, "", why, "Log tool results, then audit again.")
    uses = np.flatnonzero(is_kind(trace, SegmentKind.TOOL_RESULT))
    if not len(uses):
        return _result(CheckStatus.NOT_APPLICABLE, "", "No request holds a tool result.", "")
    tokens = context.attribution.use_tokens[uses]
    excess = np.where(tokens > LIMIT_TOKENS, tokens - TRIM_TO_TOKENS, 0)
    usd = exact_sum(split_in_order(context.attribution.use_pusd[uses], excess, tokens))
    ids, first = np.unique(trace.request.ids[uses], return_index=True)
    long = int((tokens[first] > LIMIT_TOKENS).sum())
    value = f"{share_text(long, len(ids))} of {len(ids):,} results above 2,000 tokens"
    why = f"The longest has {int(tokens.max()):,} tokens."
    if long <= (1 - SHORT_SHARE) * len(ids) and usd <= BILL_SHARE * context.total_pusd:
        return _result(CheckStatus.PASS, value, why, "", usd)
    fix = "Cut results to 1,000 tokens where they enter the context (head and tail, or a summary)."
    return _result(CheckStatus.FAIL, value, why, fix, usd)


def _result(
    status: CheckStatus, value: str, why: str, fix: str, usd: PicoUsd | None = None
) -> CheckResult:
    basis = "" if usd is None else "from the log: all but 1,000 tokens of each, at the price paid"
    return CheckResult(ITEM, "tool_outputs", TITLE, status, value, TARGET, why, fix, usd, basis)
