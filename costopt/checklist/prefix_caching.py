"""Prefix caching switched on, and used.

A provider or an engine that has just read the beginning of a request charges little or nothing for
reading it again: an agent's history is the beginning of its next request.

## How it is tested
The share of input that was read from the cache, beside what is within reach: the longest prefix
shared with an earlier request where it has the provider's minimum, without expiry and without misses.
It passes at half of that (without text: at half of all input), or by a deployment file. The dollars
are those of the layer `prompt_layout` tried alone, where it saves; else what the modelled share would
have saved over the recorded one, for the bytes as they were sent.
Models that never had a cache at the time are not applicable.

## Proof from files
vLLM or SGLang arguments (script, compose file, Kubernetes manifest): `--enable-prefix-caching`,
`--no-enable-prefix-caching`, `--disable-radix-cache`. A LiteLLM config that puts in breakpoints.

## Source
Item 8 of the usual list of advice; https://developers.openai.com/api/docs/guides/prompt-caching,
https://docs.vllm.ai/en/latest/features/automatic_prefix_caching.html (checked 2026-11-24).
"""

from __future__ import annotations

import numpy as np

from costopt.billing.context import AuditContext
from costopt.billing.prompt_cache.rules import RuleColumns, rule_columns
from costopt.checklist.evidence import Evidence, Topic
from costopt.checklist.measure import saving, tested
from costopt.model.finding import CheckResult, CheckStatus
from costopt.model.leaf import Leaf
from costopt.model.view import View
from costopt.money import PicoUsd

ITEM = 8
TITLE = "prefix caching enabled"
TARGET = "half of what is within reach"
TARGET_SHARE = 0.5
LITTLE = 0.05
"""Below this share prefixes hardly repeat and there is nothing to cache."""
FIX = (
    "Keep the beginning of requests byte-stable (no clock, no ids, fixed tool order); where the"
    " provider asks for it, set cache_control."
)


def run(context: AuditContext, evidence: Evidence) -> CheckResult:
    """Recorded share against what is within reach, or what the engine's arguments say."""
    off, on = evidence.denial(Topic.PREFIX_CACHING), evidence.proof(Topic.PREFIX_CACHING)
    rules = rule_columns(View.of(context.trace), context.prices)
    recorded, reach = context.cache.recorded_share, reachable(context, rules)
    value = _value(recorded, reach)
    if off is not None:
        return _result(CheckStatus.FAIL, value, f"{off.source}: {off.text}.", "Switch it on.")
    if on is not None:
        return _result(CheckStatus.PASS, value, f"{on.source}: {on.text}.", "")
    if not recorded and not rules.active.any():
        return _without_rules(context, evidence, value)
    if recorded is None:
        why = "The log does not say what was read from the cache. Engine arguments would (--evidence)."
        return _result(CheckStatus.UNKNOWN, value, why, "Log cached tokens.")
    return _by_share(context, recorded, reach, value)


def reachable(context: AuditContext, rules: RuleColumns) -> float | None:
    """Share of input that stood in an earlier request and is long enough for the provider's cache."""
    cache, inputs = context.cache, int(context.trace.input_tokens.sum())
    if cache.ideal_share is None or not inputs:
        return None
    shared = cache.shared_prefix_tokens
    long_enough = rules.active & (shared >= rules.min_tokens)
    return float(np.where(long_enough, shared, 0).sum()) / inputs


def _by_share(
    context: AuditContext, recorded: float, reach: float | None, value: str
) -> CheckResult:
    if recorded and recorded >= TARGET_SHARE * (1.0 if reach is None else reach):
        return _result(CheckStatus.PASS, value, "The provider's own counts show it.", "")
    if reach is None:
        why = "It works; without text nobody can say how much more would be possible."
        status = CheckStatus.PASS if recorded >= LITTLE else CheckStatus.UNKNOWN
        return _result(status, value, why, "Log prompts, then audit again.")
    if reach < LITTLE:
        why = "Hardly any request repeats enough of an earlier one for the provider's minimum."
        return _result(CheckStatus.NOT_APPLICABLE, value, why, "")
    why = "Prefixes repeat but are not read back."
    layout = tested(context, "prefix_caching")
    if layout.usd is not None and layout.usd > 0:
        return _result(CheckStatus.FAIL, value, why, FIX, layout.usd, layout.basis)
    return _result(CheckStatus.FAIL, value, why, FIX, _possible(context))


def _without_rules(context: AuditContext, evidence: Evidence, value: str) -> CheckResult:
    trace = context.trace
    provider, model = trace.dims["provider"], trace.dims["model"]
    pairs = np.unique(np.stack((provider.codes, model.codes)), axis=1).T.tolist()
    known = all(context.prices.canonical(provider.values[p], model.values[m]) for p, m in pairs)
    if known:
        why = "These models had no prompt cache when the calls were made."
        return _result(CheckStatus.NOT_APPLICABLE, value, why, "")
    found = evidence.open_question(Topic.PREFIX_CACHING)
    why = (
        f"{found.source}: {found.text}."
        if found
        else "Engine arguments would show it (--evidence)."
    )
    return _result(CheckStatus.UNKNOWN, value, why, "Hand over the engine's arguments.")


def _possible(context: AuditContext) -> PicoUsd | None:
    """Dollars saved were the modelled share read from the cache, spread over what is shared."""
    trace, cache = context.trace, context.cache
    if cache.modelled_share is None or cache.recorded_share is None:
        return None
    room = np.clip(
        cache.shared_prefix_tokens - trace.cache_read, 0, trace.leaves[:, Leaf.INPUT_FRESH]
    )
    wanted = (cache.modelled_share - cache.recorded_share) * float(trace.input_tokens.sum())
    if wanted <= 0 or not room.any():
        return None
    part = min(1.0, wanted / float(room.sum()))
    moved = np.floor(room * part).astype(np.int64)
    leaves = trace.leaves.copy()
    leaves[:, Leaf.INPUT_FRESH] -= moved
    leaves[:, Leaf.CACHE_READ] += moved
    return saving(context, leaves=leaves)[0]


def _value(recorded: float | None, reach: float | None) -> str:
    if recorded is None:
        return "cached share not in the log"
    text = f"{100 * recorded:.0f} % of input read from the cache"
    return text if reach is None else f"{text}, {100 * reach:.0f} % within reach"


def _result(
    status: CheckStatus, value: str, why: str, fix: str, usd: PicoUsd | None = None,
    basis: str = "estimate: the modelled share over the recorded one",
) -> CheckResult:  # fmt: skip
    said = "" if usd is None else basis
    return CheckResult(ITEM, "prefix_caching", TITLE, status, value, TARGET, why, fix, usd, said)
