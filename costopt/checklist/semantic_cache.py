"""A semantic cache that answers more than 40 % of calls.

A semantic cache embeds the request, looks for a similar earlier one and gives its answer. It pays
where many users ask the same thing in other words: classification, FAQ, extraction.

## When it does not pay
Inside an agent's loop consecutive requests share almost all their text, so any practical threshold
replays the previous turn. Turns that hold an earlier answer are therefore not eligible here. Where
fewer than 40 % of calls are eligible, the target cannot be met and the item is not applicable.

## How it is tested
Calls that the log marks as answered by your own cache, over all calls. The dollars are those of
eligible calls whose whole request is byte-equal to an earlier one of the same model: what even an
exact cache would have saved. What similar requests would add, and how many answers would be wrong,
a log's text alone does not say.

## Proof from files
A LiteLLM config with `cache: true` and a semantic `cache_params.type`.

## Source
Item 1 of the usual list of advice; the target of 40 % is the list's own.
"""

from __future__ import annotations

import numpy as np

from costopt.billing.context import AuditContext
from costopt.billing.segment_counts import readable
from costopt.checklist.evidence import Evidence, Topic
from costopt.checklist.measure import Bool, charged, first_turns, share_text
from costopt.model.call import CallStatus
from costopt.model.finding import CheckResult, CheckStatus
from costopt.money import PicoUsd, exact_sum

ITEM = 1
TITLE = "semantic cache with a hit rate above 40 %"
TARGET = "> 40 % of calls"
TARGET_SHARE = 0.40


def run(context: AuditContext, evidence: Evidence) -> CheckResult:
    """Hits that the log shows, what could be eligible, and what byte-equal repeats cost."""
    trace = context.trace
    hits = int((trace.status == CallStatus.GATEWAY_HIT).sum())
    value = f"{share_text(hits, trace.n)} of calls answered by your cache"
    if trace.n and hits > TARGET_SHARE * trace.n:
        return _result(CheckStatus.PASS, value, "The log marks them.", "Keep it.")
    eligible = first_turns(trace)
    proof = _proof(evidence)
    if not readable(trace).any():
        why = "Without the text of requests nobody can say what would repeat."
        return _result(
            CheckStatus.UNKNOWN, value, f"{why}{proof}", "Log prompts, then audit again."
        )
    share = eligible.sum() / max(1, int(readable(trace).sum()))
    room = f"{share_text(share, 1)} of calls are no later turn of a loop or conversation"
    if share < TARGET_SHARE:
        why = (
            f"Only {room}: 40 % of all calls cannot be answered without replaying a previous turn."
        )
        return _result(CheckStatus.NOT_APPLICABLE, value, f"{why}{proof}", "")
    again = repeats(context, eligible)
    usd = exact_sum(context.bill.net_pusd[again])
    why = f"{room}; {share_text(int(again.sum()), trace.n)} of calls repeat an earlier one byte for byte."
    fix = "Start with an exact cache on the repeats; measure false hits before going semantic."
    if not again.any():
        fix = (
            "Nothing repeats exactly: measure how often similar requests had the same answer first."
        )
    return _result(CheckStatus.FAIL, value, f"{why}{proof}", fix, usd)


def _proof(evidence: Evidence) -> str:
    on, off = evidence.proof(Topic.SEMANTIC_CACHE), evidence.denial(Topic.SEMANTIC_CACHE)
    if on is not None:
        return f" It is configured ({on.source}: {on.text}), but the log shows no such rate."
    return f" {off.source}: {off.text}." if off is not None else ""


def repeats(context: AuditContext, eligible: Bool) -> Bool:  # [call]
    """Eligible, charged calls whose blocks and model are exactly those of an earlier call."""
    trace = context.trace
    out = np.zeros(trace.n, np.bool_)
    seen: set[tuple[int, bytes]] = set()
    models = trace.dims["model"].codes
    for call in np.flatnonzero(eligible & charged(context)).tolist():
        key = (int(models[call]), trace.request.row(call).tobytes())
        out[call] = key in seen
        seen.add(key)
    return out


def _result(
    status: CheckStatus, value: str, why: str, fix: str, usd: PicoUsd | None = None
) -> CheckResult:
    basis = "" if usd is None else "from the log: byte-equal requests alone"
    return CheckResult(ITEM, "semantic_cache", TITLE, status, value, TARGET, why, fix, usd, basis)
