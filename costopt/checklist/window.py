"""A rolling window of 6 to 8 turns: only the last turns of a conversation are sent.

Old turns are paid for again with every call, so dropping them looks like a saving.

## When it is harmful
A window that slides at every turn changes what stands right behind the system prompt, so the
provider's prompt cache no longer finds the history it has just read: what cost a tenth of the price
is paid in full again. On a well-cached agent the window raises the bill.

## How it is tested
A turn opens with an answer of the model and holds its tool calls, their results and the user's
reply; tool calls are never cut from their results. System prompt, tools and the first task stay, the
last 8 turns stay, what stands between is taken out of every request. The result goes through the
same model of the provider's cache as the bill itself, by difference, and is priced at each call's own
date. Answers are taken as they are: whether they needed what was dropped is another question.

## Fix
Where it saves, drop in chunks (`slide_every: 4`) so that the prefix stays the same in between.

## Source
Item 4 of the usual list of advice; https://developers.openai.com/api/docs/guides/prompt-caching and
https://platform.claude.com/docs/en/build-with-claude/prompt-caching for how prefixes are matched
(checked 2026-11-24).
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from costopt.billing.context import AuditContext
from costopt.billing.edits import shorter
from costopt.billing.meter import meter
from costopt.billing.prompt_cache.model import CacheModel, rebill_leaves
from costopt.billing.segment_counts import group_sums, per_call, readable
from costopt.checklist.evidence import Evidence
from costopt.checklist.measure import Bool, Int, share_text, turns
from costopt.model.finding import CheckResult, CheckStatus
from costopt.model.select import select
from costopt.model.trace import Ragged, Trace
from costopt.model.view import View
from costopt.money import PicoUsd, exact_sum, show

ITEM = 4
TITLE = "rolling window of 6 to 8 turns"
TARGET = "at most 8 turns in a request"
TURNS = 8
BASIS = "modelled: the window's own bytes through the cache model"
MOST_USES = 300_000
"""Blocks of requests that are modelled; a larger trace is sampled by session. About three seconds."""
SEED = 0


def run(context: AuditContext, evidence: Evidence) -> CheckResult:
    """Turns per request, and the bill with the older ones left out."""
    trace = context.trace
    if not readable(trace).any():
        why = "The log carries no text, so the turns of a request cannot be counted."
        return _result(CheckStatus.UNKNOWN, "", why, "Log prompts, then audit again.")
    number = turns(trace)
    most = np.zeros(trace.n, np.int64)
    np.maximum.at(most, trace.request.call_of_use(), number)
    longest = int(most.max(initial=0))
    if longest == 0:
        return _result(CheckStatus.NOT_APPLICABLE, "", "No request holds an earlier turn.", "")
    value = f"up to {longest} turns in a request"
    if longest <= TURNS:
        return _result(CheckStatus.PASS, value, "No request is longer than the window.", "")
    part = sampled(trace, most > TURNS)
    usd, removed = without(context, part, number, most)
    long = share_text(int((most > TURNS).sum()), trace.n)
    why = f"{long} of requests are longer; the window would take out {removed:,} input tokens."
    basis = BASIS if len(part) == trace.n else f"{BASIS}, on a sample of sessions, scaled"
    if usd < 0:
        why += f" It breaks the cached prefix: {show(-usd)} more."
        fix = "Leave the history as it is; the provider's cache already serves it."
        return _result(CheckStatus.HARMFUL, value, why, fix, usd, basis)
    fix = "Keep the last 8 turns and drop in chunks (slide_every: 4), so that prefixes stay cached."
    return _result(CheckStatus.FAIL, value, why, fix, usd, basis)


def sampled(trace: Trace, long: Bool) -> Int:
    """Rows of whole sessions: all, or a fixed sample of them with at most MOST_USES request uses.

    Sessions with a long request come first: the others do not change.
    """
    if len(trace.request.ids) <= MOST_USES:
        return np.arange(trace.n)
    count = len(trace.sessions)
    uses = group_sums(trace.request.lengths, trace.session, count)
    changes = np.zeros(count, np.bool_)
    changes[trace.session[long]] = True
    order = np.random.default_rng(SEED).permutation(count)
    order = order[np.argsort(~changes[order], kind="stable")]
    taken = order[: max(1, int(np.searchsorted(np.cumsum(uses[order]), MOST_USES)))]
    chosen = np.zeros(count, np.bool_)
    chosen[taken] = True
    return np.flatnonzero(chosen[trace.session])


def without(context: AuditContext, rows: Int, number: Int, most: Int) -> tuple[PicoUsd, int]:
    """(dollars saved, tokens removed) were turns beyond the window not sent.

    Computed on `rows` and scaled by what the calls with long requests cost in all.
    """
    whole = context.trace
    dropped = (number > 0) & (number <= np.repeat(most, whole.request.lengths) - TURNS)
    gone = per_call(whole.request, np.where(dropped, context.attribution.use_tokens, 0))
    trace = whole if len(rows) == whole.n else select(whole, rows)
    keep = ~dropped[whole.request.uses_of(rows)]
    before = View.of(trace)
    after = before.edited(
        request=_kept(trace.request, keep), leaves=shorter(trace.leaves, gone[rows])
    )
    model = _model(context, trace)
    rebilled = meter(
        before.edited(leaves=rebill_leaves(before, after, model).leaves), context.prices
    )
    saved = (context.bill.net_pusd[rows] - rebilled.net_pusd)[rebilled.priced]
    touched = gone > 0
    all_of_it = int(exact_sum(context.bill.net_pusd[touched]))
    seen = int(exact_sum(context.bill.net_pusd[rows][touched[rows]]))
    scale = Fraction(all_of_it, seen) if seen else Fraction(1)
    return PicoUsd(round(exact_sum(saved) * scale)), int(gone.sum())


def _model(context: AuditContext, trace: Trace) -> CacheModel:
    """The audit's own cache model; of a part of the trace a new one, with what was fitted on all."""
    made = context.cache.model
    if made is not None and made.lineage.trace is trace:
        return made
    fit = None if made is None else made.fit
    return CacheModel.of(trace, context.prices, context.tokens, context.texts, fit)


def _kept(block: Ragged, keep: Bool) -> Ragged:
    lengths = per_call(block, keep.astype(np.int64))
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    return Ragged(offsets, block.ids[keep], block.flags[keep])


def _result(
    status: CheckStatus,
    value: str,
    why: str,
    fix: str,
    usd: PicoUsd | None = None,
    basis: str = "",
) -> CheckResult:
    return CheckResult(ITEM, "window", TITLE, status, value, TARGET, why, fix, usd, basis)
