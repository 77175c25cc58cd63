"""Simple tasks on small models.

A label, a yes or no, a short extraction is usually answered as well by a model at a tenth of the price.

## What can go wrong
Short is not easy. A small model that answers wrongly costs a retry, or the session. What a change
would do to the answers is measured by replaying a sample, not by a log; so the dollars here are a
hint, and a move in the middle of a session loses the provider's cache besides.

## How it is tested
A call counts as simple when its answer has at most 150 tokens, its input at most 2,000, it used no
reasoning, called no tool and is no later turn of a loop (where the log has text). A model counts as
small when a million tokens of its output cost at most $5. The dollars are those of the layer `route`,
tried alone: what can be told to be simple before it is asked (input, tools, first turn) goes to the
cheapest small model of the same provider in your log, else to that provider's usual one. Their answers
are untested, so nothing of it is counted as saved.

## Source
Item 2 of the usual list of advice. Break-even and evidence belong to routing with a replay.
"""

from __future__ import annotations

import numpy as np

from costopt.billing.context import AuditContext
from costopt.checklist.evidence import Evidence, Topic
from costopt.checklist.measure import (
    Bool,
    Tested,
    any_use,
    charged,
    is_kind,
    share_text,
    tested,
)
from costopt.model.call import SegmentKind
from costopt.model.finding import CheckResult, CheckStatus
from costopt.model.leaf import Leaf
from costopt.model.trace import Trace
from costopt.money import show
from costopt.prices.contract import DatedRates

ITEM = 2
TITLE = "simple tasks on small models"
TARGET = "80 % of simple calls on small models"
TARGET_SHARE = 0.80
MAX_OUTPUT_TOKENS = 150
MAX_INPUT_TOKENS = 2_000
SMALL_OUTPUT_PUSD = 5_000_000
"""Pico-dollars a token: $5 a million."""
USUAL_SMALL = {
    "openai": "gpt-4o-mini",
    "anthropic": "claude-haiku-4-5",
    "google": "gemini-2.5-flash",
}
"""Small models of the large providers as of 2026-11-24, for logs that use none."""
FIX = "Replay a sample of the simple calls on a small model before you route them."


def run(context: AuditContext, evidence: Evidence) -> CheckResult:
    """Simple calls, how many run on small models, and what the others would cost there."""
    trace = context.trace
    simple = simple_calls(trace) & charged(context)
    total = int(simple.sum())
    if not total:
        why = "No call is simple: short answer, short input, no tools, no reasoning."
        return _result(CheckStatus.NOT_APPLICABLE, "", why, "")
    small = _small_models(context)
    on_small = simple & np.isin(trace.dims["model"].codes, small)
    value = f"{share_text(int(on_small.sum()), total)} of {total:,} simple calls on small models"
    router = evidence.proof(Topic.ROUTING)
    why = "Simple: at most 150 tokens out and 2,000 in, no tool, no reasoning."
    if router is not None:
        why += f" {router.source}: {router.text}."
    if on_small.sum() >= TARGET_SHARE * total:
        return _result(CheckStatus.PASS, value, why, "")
    found = tested(context, "routing")
    if found.usd is None or found.probe is None:
        return _result(CheckStatus.FAIL, value, f"{why} {found.why}", FIX)
    if found.harmful:
        why += f" Moving them costs {show(-found.usd)} more: the cache of their sessions is lost."
        return _result(CheckStatus.HARMFUL, value, why, "Leave them where they are.", found)
    why += f" To {_models(context)}: UNPROVEN, the answers there are not tested."
    return _result(CheckStatus.FAIL, value, why, FIX, found)


def _models(context: AuditContext) -> str:
    return ", ".join(sorted({model for _, model in small_models(context)}))


def simple_calls(trace: Trace) -> Bool:  # [call]
    """By counts; where the log has text, also by what the request and the answer hold."""
    leaves = trace.leaves
    few = (trace.output_tokens <= MAX_OUTPUT_TOKENS) & (trace.input_tokens <= MAX_INPUT_TOKENS)
    few &= (leaves[:, Leaf.OUTPUT_REASONING] == 0) & (trace.output_tokens > 0)
    tools = any_use(trace, is_kind(trace, SegmentKind.TOOLS, SegmentKind.TOOL_RESULT))
    later = any_use(trace, is_kind(trace, SegmentKind.ASSISTANT, SegmentKind.TOOL_CALL))
    called = np.zeros(trace.n, np.bool_)
    kinds = trace.segments.kind[trace.response.ids]
    called[trace.response.call_of_use()[kinds == SegmentKind.TOOL_CALL]] = True
    return few & ~tools & ~later & ~called


def _small_models(context: AuditContext) -> list[int]:
    """Codes of models whose output is cheap."""
    model, provider = context.trace.dims["model"], context.trace.dims["provider"]
    pairs = np.unique(np.stack((provider.codes, model.codes)), axis=1)
    found = []
    for p, m in pairs.T.tolist():
        rate = _output_rate(context, provider.values[p], model.values[m])
        if rate is not None and rate <= SMALL_OUTPUT_PUSD:
            found.append(m)
    return found


def _output_rate(context: AuditContext, provider: str, model: str) -> int | None:
    rates = context.prices.rates(provider, model)
    if not isinstance(rates, DatedRates):
        return None
    rate = rates.periods[-1].tiers[0].rates[Leaf.OUTPUT_TEXT]
    return rate if rate >= 0 else None


def small_models(context: AuditContext) -> list[tuple[str, str]]:
    """(provider, small model) of every provider that has simple calls on another model."""
    small = _small_models(context)
    provider, model = context.trace.dims["provider"], context.trace.dims["model"]
    rows = simple_calls(context.trace) & charged(context) & ~np.isin(model.codes, small)
    found = [
        (provider.values[code], _target(context, code, small))
        for code in np.unique(provider.codes[rows]).tolist()
    ]
    return [(name, target) for name, target in found if target]


def _target(context: AuditContext, code: int, small: list[int]) -> str:
    """The small model that this provider's calls of the log use already, else its usual one."""
    provider, model = context.trace.dims["provider"], context.trace.dims["model"]
    used = np.unique(model.codes[(provider.codes == code) & np.isin(model.codes, small)]).tolist()
    name = provider.values[code]
    rated = [(_output_rate(context, name, model.values[m]) or 0, model.values[m]) for m in used]
    if rated:
        return min(rated)[1]
    usual = USUAL_SMALL.get(name, "")
    return usual if usual and _output_rate(context, name, usual) is not None else ""


def _result(
    status: CheckStatus, value: str, why: str, fix: str, found: Tested | None = None
) -> CheckResult:
    usd, basis = (None, "") if found is None else (found.usd, f"{found.basis}; answers not tested")
    return CheckResult(ITEM, "routing", TITLE, status, value, TARGET, why, fix, usd, basis)
