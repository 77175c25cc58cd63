"""A semantic cache that answers more than 40 % of calls.

A semantic cache embeds the request, looks for a similar earlier one and gives its answer. It pays
where many users ask the same thing in other words: classification, FAQ, extraction.

## When it does not pay
Inside an agent's loop consecutive requests share almost all their text, so any practical threshold
replays the previous turn. Turns that hold an earlier answer are therefore not eligible here. Where
fewer than 40 % of calls are eligible, the target cannot be met and the item is not applicable.

## How it is tested
Calls that the log marks as answered by your own cache, over all calls. Both answers of every would-be
hit are in the log: the layer `semantic_cache` is tried alone with the loosest threshold that is shown to
keep false hits under 1 %, and with 0.95, where such caches are usually set; embeddings are charged. The
dollars are those of the safe threshold; where there is none, those of an exact cache alone. It is harmful
where the embeddings cost more than the hits at 0.95 save.

## Proof from files
A LiteLLM config with `cache: true` and a semantic `cache_params.type`.

## Source
Item 1 of the usual list of advice; the target of 40 % is the list's own.
"""

from __future__ import annotations

from costopt.billing.context import AuditContext
from costopt.billing.segment_counts import readable
from costopt.checklist.evidence import Evidence, Topic
from costopt.checklist.measure import Tested, first_turns, share_text, tested
from costopt.model.call import CallStatus
from costopt.model.finding import CheckResult, CheckStatus
from costopt.money import show

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
    safe, usual = tested(context, "semantic_cache"), tested(context, "semantic_cache_usual")
    exact = tested(context, "exact_cache")
    why = f"{room}.{_hits(safe, usual)}{proof}"
    if safe.probe is None or usual.probe is None:
        return _result(CheckStatus.UNKNOWN, value, f"{why} {safe.why}", "", exact)
    if safe.probe.evidence.get("hits"):
        fix = "Run it at the threshold shown, and judge a sample of its hits."
        return _result(CheckStatus.FAIL, value, why, fix, safe)
    if usual.harmful:
        why += (
            f" Embedding costs {show(-usual.usd)} more than hits at 0.95 save." if usual.usd else ""
        )
        return _result(CheckStatus.HARMFUL, value, why, "Leave it: requests do not repeat.", usual)
    fix = "Measure how often similar requests had the same answer before going semantic."
    if exact.usd:
        fix = "Start with an exact cache on the repeats; measure false hits before going semantic."
    return _result(CheckStatus.FAIL, value, why, fix, exact)


def _hits(safe: Tested, usual: Tested) -> str:
    """Hits of the threshold that is shown to be safe, and of the usual one with its false ones."""
    if safe.probe is None or usual.probe is None:
        return ""
    found, common = safe.probe.evidence, usual.probe.evidence
    asked = max(1, int(found.get("eligible_calls") or 0))
    rate = share_text(int(found.get("hits") or 0), asked)
    text = f" Safe hits (at most 1 % false): {rate} of {asked:,} eligible calls"
    hits, false = int(common.get("hits") or 0), common.get("false_hit_rate")
    text += f"; at 0.95 {share_text(hits, asked)} would hit"
    if hits and false is not None:
        text += f", {share_text(false, 1)} of them with another answer"
    return text + "."


def _proof(evidence: Evidence) -> str:
    on, off = evidence.proof(Topic.SEMANTIC_CACHE), evidence.denial(Topic.SEMANTIC_CACHE)
    if on is not None:
        return f" It is configured ({on.source}: {on.text}), but the log shows no such rate."
    return f" {off.source}: {off.text}." if off is not None else ""


def _result(
    status: CheckStatus, value: str, why: str, fix: str, found: Tested | None = None
) -> CheckResult:
    usd, basis = (None, "") if found is None else (found.usd, found.basis)
    return CheckResult(ITEM, "semantic_cache", TITLE, status, value, TARGET, why, fix, usd, basis)
