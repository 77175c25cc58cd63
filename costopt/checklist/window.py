"""A rolling window of 6 to 8 turns: only the last turns of a conversation are sent.

Old turns are paid for again with every call, so dropping them looks like a saving.

## When it is harmful
A window that slides at every turn changes what stands right behind the system prompt, so the
provider's prompt cache no longer finds the history it has just read: what cost a tenth of the price
is paid in full again. On a well-cached agent the window raises the bill.

## How it is tested
A turn opens with an answer of the model and holds its tool calls, their results and the user's
reply; tool calls are never cut from their results. Where requests are longer, the layer `window` with
8 turns is tried alone on this log: its bytes go through the same model of the provider's cache as the
bill, by difference. Beside it stands a window that drops 4 turns at a time. Answers are taken as they
are: how many use what was dropped is said as reach-back.

## Fix
Where it saves, drop in chunks (`slide_every: 4`) so that the prefix stays the same in between.

## Source
Item 4 of the usual list of advice; https://developers.openai.com/api/docs/guides/prompt-caching and
https://platform.claude.com/docs/en/build-with-claude/prompt-caching for how prefixes are matched
(checked 2026-11-24).
"""

from __future__ import annotations

import numpy as np

from costopt.billing.context import AuditContext
from costopt.billing.segment_counts import readable
from costopt.checklist.evidence import Evidence
from costopt.checklist.measure import Tested, share_text, tested, turns
from costopt.model.finding import CheckResult, CheckStatus
from costopt.money import show

ITEM = 4
TITLE = "rolling window of 6 to 8 turns"
TARGET = "at most 8 turns in a request"
TURNS = 8
CHUNK = 4
"""Turns that the gentler window drops at a time."""


def run(context: AuditContext, evidence: Evidence) -> CheckResult:
    """Turns per request, and the bill with the older ones left out."""
    trace = context.trace
    if not readable(trace).any():
        why = "The log carries no text, so the turns of a request cannot be counted."
        return _result(CheckStatus.UNKNOWN, "", why, "Log prompts, then audit again.")
    most = np.zeros(trace.n, np.int64)
    np.maximum.at(most, trace.request.call_of_use(), turns(trace))
    longest = int(most.max(initial=0))
    if longest == 0:
        return _result(CheckStatus.NOT_APPLICABLE, "", "No request holds an earlier turn.", "")
    value = f"up to {longest} turns in a request"
    if longest <= TURNS:
        return _result(CheckStatus.PASS, value, "No request is longer than the window.", "")
    why = f"{share_text(int((most > TURNS).sum()), trace.n)} of requests are longer."
    return _by_dollars(context, value, why)


def _by_dollars(context: AuditContext, value: str, why: str) -> CheckResult:
    sliding = tested(context, "window", f"window of {TURNS} turns")
    steps = tested(context, "window_in_steps")
    if sliding.usd is None:
        return _result(CheckStatus.UNKNOWN, value, f"{why} {sliding.why}", "")
    why += _said(sliding)
    if not sliding.harmful:
        fix = f"Keep the last {TURNS} turns, dropped in chunks (slide_every: {CHUNK}): prefixes stay cached."
        return _result(CheckStatus.FAIL, value, why, fix, sliding)
    why += f" It breaks the cached prefix: {show(-sliding.usd)} more."
    fix = "Leave the history as it is; the provider's cache already serves it."
    if steps.usd is not None:
        verb = f"cost {show(-steps.usd)} more" if steps.harmful else f"save {show(steps.usd)}"
        why += f" Dropping {CHUNK} turns at a time would {verb}."
        if steps.usd > 0:
            fix = f"If you need a window: slide_every: {CHUNK}, and replay a sample of the answers."
    return _result(CheckStatus.HARMFUL, value, why, fix, sliding)


def _said(found: Tested) -> str:
    """What goes, and how many answers use it."""
    if found.probe is None:
        return ""
    removed = int(found.probe.evidence.get("tokens_removed") or 0)
    reach = found.probe.evidence.get("reach_back_rate")
    text = f" The window would take out {removed:,} input tokens"
    return (
        f"{text}; {100 * reach:.1f} % of the cut calls use what was dropped."
        if reach
        else f"{text}."
    )


def _result(
    status: CheckStatus, value: str, why: str, fix: str, found: Tested | None = None
) -> CheckResult:
    usd, basis = (None, "") if found is None else (found.usd, found.basis)
    return CheckResult(ITEM, "window", TITLE, status, value, TARGET, why, fix, usd, basis)
