"""Tool outputs trimmed before they enter the context.

A long search result or file is paid for once when it arrives and again with every later call of its
session.

## When it is wrong
A later answer may need what was cut. Trim once, where the result first enters the context: a result
that is shortened later changes the prefix and breaks the provider's cache.

## How it is tested
Tokens of each distinct tool result in the requests. The dollars are those of the layer `trim_tools`
with 2,000 tokens, tried alone: each longer result is cut where it enters its session, so the prefix stays
intact. How many answers use what was cut is said as reach-back.

## Source
Item 5 of the usual list of advice; the limit of 2,000 tokens (about 1,500 words) is ours: three pages
of a document fit, a whole file or search dump does not.
"""

from __future__ import annotations

import numpy as np

from costopt.billing.context import AuditContext
from costopt.billing.segment_counts import readable
from costopt.checklist.evidence import Evidence
from costopt.checklist.measure import Tested, is_kind, share_text, tested
from costopt.model.call import SegmentKind
from costopt.model.finding import CheckResult, CheckStatus
from costopt.money import show

ITEM = 5
TITLE = "tool outputs trimmed before they enter the context"
TARGET = "95 % of results up to 2,000 tokens, the rest under 1 % of the bill"
LIMIT_TOKENS = 2_000
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
    ids, first = np.unique(trace.request.ids[uses], return_index=True)
    long = int((tokens[first] > LIMIT_TOKENS).sum())
    value = f"{share_text(long, len(ids))} of {len(ids):,} results above 2,000 tokens"
    why = f"The longest has {int(tokens.max()):,} tokens."
    if not long:
        return _result(CheckStatus.PASS, value, why, "")
    return _by_dollars(context, long <= (1 - SHORT_SHARE) * len(ids), value, why)


def _by_dollars(context: AuditContext, few: bool, value: str, why: str) -> CheckResult:
    """`few`: so few results are long that only their dollars could make them matter."""
    found = tested(context, "tool_outputs", f"trim_tools to {LIMIT_TOKENS:,} tokens")
    if found.usd is None or found.probe is None:
        status = CheckStatus.PASS if few else CheckStatus.UNKNOWN
        return _result(status, value, f"{why} {found.why}", "")
    if found.harmful:
        why += f" Cutting them costs {show(-found.usd)} more."
        return _result(CheckStatus.HARMFUL, value, why, "Leave them as they are.", found)
    if few and found.usd <= BILL_SHARE * context.total_pusd:
        return _result(CheckStatus.PASS, value, why, "", found)
    reach = found.probe.risk.value
    if reach is not None:
        why += f" {100 * reach:.1f} % of the calls that would see less use what was cut."
    fix = "Cut results to 2,000 tokens where they enter the context (head and tail, or a summary)."
    return _result(CheckStatus.FAIL, value, why, fix, found)


def _result(
    status: CheckStatus, value: str, why: str, fix: str, found: Tested | None = None
) -> CheckResult:
    usd, basis = (None, "") if found is None else (found.usd, found.basis)
    return CheckResult(ITEM, "tool_outputs", TITLE, status, value, TARGET, why, fix, usd, basis)
