"""`max_tokens` set for each type of task.

A limit on the answer's length keeps a runaway reply from being paid for, and frees rate limit: many
providers count the limit itself against your tokens per minute.

## What it does not do
It saves no money on an answer that ends by itself: providers charge for what was written, not for the
limit. So the dollars are not a saving but `unknown`. Set too low, it cuts answers off, and the retry
costs more than the tokens.

## How it is tested
`max_tokens` of each request, by agent and task, beside the answers' own lengths (99th percentile), and
how many answers were cut by it. A log whose requests show neither `max_tokens` nor a temperature does
not carry parameters, and the item is unknown.

## Proof from files
A LiteLLM config with `max_tokens` under `litellm_params`.

## Source
Item 6 of the usual list of advice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from costopt.billing.context import AuditContext
from costopt.billing.labels import cut_by_limit
from costopt.checklist.evidence import Evidence, Topic
from costopt.checklist.measure import Int, charged, share_text, tested
from costopt.model.finding import CheckResult, CheckStatus
from costopt.model.trace import Categorical, Trace

ITEM = 6
TITLE = "max_tokens set for each type of task"
TARGET = "set on 95 % of calls, not one value for all types of task"
SET_SHARE = 0.95
SPREAD = 4
"""Types whose answers differ by more than this factor need limits of their own."""
MIN_CALLS = 20
"""Calls of a type before its 99th percentile means anything."""


def run(context: AuditContext, evidence: Evidence) -> CheckResult:
    """Share of calls with a limit, whether types differ, answers cut off."""
    trace = context.trace
    rows = np.flatnonzero(charged(context))
    proof = evidence.proof(Topic.MAX_TOKENS)
    limited = trace.max_tokens[rows] >= 0
    if not limited.any() and np.isnan(trace.temperature[rows]).all():
        if proof is not None:
            return _result(CheckStatus.PASS, "", f"{proof.source}: {proof.text}.", "")
        why = "The log's requests show no parameters. A LiteLLM config with max_tokens would."
        return _result(CheckStatus.UNKNOWN, "", why, "Log request parameters.")
    value = f"set on {share_text(int(limited.sum()), len(rows))} of calls"
    types = _types(trace, rows)
    cut = int(cut_by_limit(trace)[rows].sum())
    why = f"{cut:,} answers were cut by the limit."
    if limited.mean() < SET_SHARE:
        needs = "; ".join(f"{t.name}: {t.p99:,} tokens" for t in types[:3])
        why += f" 99 % of answers need: {needs}." if needs else ""
        why += _would_cut(context)
        return _result(CheckStatus.FAIL, value, why, "Set max_tokens to p99 x 1.5 for each type.")
    one = len({t.limit for t in types}) == 1 and len(types) > 1
    spread = max((t.p99 for t in types), default=0) > SPREAD * min(
        (t.p99 for t in types), default=0
    )
    if one and spread:
        why += f" One limit ({types[0].limit:,}) for types whose answers differ by more than {SPREAD}x."
        return _result(CheckStatus.FAIL, value, why, "Set max_tokens by type of task.")
    return _result(CheckStatus.PASS, value, why, "")


def _would_cut(context: AuditContext) -> str:
    """What the layer `output` says of limits at the 99th percentile with its room above."""
    found = tested(context, "max_tokens").probe
    if found is None or not found.calls_touched:
        return ""
    cut, limited = (int(found.evidence.get(n) or 0) for n in ("truncated_calls", "limited_calls"))
    return f" Limits of the layer output would cut {cut:,} of {limited:,} logged answers."


@dataclass(frozen=True, slots=True)
class _Type:
    name: str
    calls: int
    p99: int
    limit: int
    """Most usual limit, -1: none."""


def _types(trace: Trace, rows: Int) -> list[_Type]:
    """Agent and task together, the most frequent first."""
    agent, task = trace.dims["agent"], _recurring(trace)
    key = agent.codes[rows].astype(np.int64) * len(task.values) + task.codes[rows]
    found = []
    for k in np.unique(key).tolist():
        mine = rows[key == k]
        if len(mine) < MIN_CALLS:
            continue
        names = (agent.values[k // len(task.values)], task.values[k % len(task.values)])
        name = " / ".join(n for n in names if n) or "all calls"
        p99 = int(np.quantile(trace.output_tokens[mine], 0.99, method="inverted_cdf"))
        values, counts = np.unique(trace.max_tokens[mine], return_counts=True)
        found.append(_Type(name, len(mine), p99, int(values[counts.argmax()])))
    return sorted(found, key=lambda t: (-t.calls, t.name))


def _recurring(trace: Trace) -> Categorical:
    """The task of each call; none where every session has a task of its own: then it is no type."""
    task = trace.dims["task"]
    if 2 * len(np.unique(task.codes)) > len(trace.sessions):
        return Categorical(np.zeros(trace.n, np.int32), ("",))
    return task


def _result(status: CheckStatus, value: str, why: str, fix: str) -> CheckResult:
    basis = "no direct saving: providers charge for what is written, not for the limit"
    return CheckResult(ITEM, "max_tokens", TITLE, status, value, TARGET, why, fix, None, basis)
