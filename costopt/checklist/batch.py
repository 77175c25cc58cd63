"""Background work on the batch API, at half the price.

Nobody waits for a nightly digest, an evaluation run or a backfill: they can take up to a day.

## When it is harmful
The batch rate halves what tokens cost, but a cached read keeps its discount there only where the
provider lists a cached batch price. Where it does not, well-cached input gets dearer in a batch.

## How it is tested
Background work is told by its name or tags (nightly, cron, batch, digest, backfill, eval, offline),
or by when it runs: calls that start in the same two hours of the day on at least five days, nineteen
times in twenty. Chains of dependent calls wait one batch window each, so only sessions count in which
no request holds an earlier answer. The dollars are those calls at the provider's batch price, cached
reads at the fresh one where the provider keeps no cache in a batch.

## Source
Item 7 of the usual list of advice; https://developers.openai.com/api/docs/guides/batch and
https://platform.claude.com/docs/en/build-with-claude/batch-processing (checked 2026-11-24).
"""

from __future__ import annotations

import numpy as np

from costopt.billing.context import AuditContext
from costopt.billing.edits import in_batch
from costopt.billing.labels import NAMED_IN, named_background
from costopt.checklist.evidence import Evidence
from costopt.checklist.measure import (
    Bool,
    Int,
    charged,
    first_turns,
    saving,
    share_text,
)
from costopt.model.finding import CheckResult, CheckStatus
from costopt.model.trace import Trace
from costopt.money import PicoUsd, exact_sum, show

ITEM = 7
TITLE = "background work on the batch API"
TARGET = "all background calls that wait for no other"
HOUR_US = 3_600_000_000
WINDOW_HOURS = 2
MIN_DAYS = 5
MIN_CALLS = 10
SAME_TIME_SHARE = 0.95
CHEAP_TIERS = ("batch", "flex")


def run(context: AuditContext, evidence: Evidence) -> CheckResult:
    """Background calls, how many are batched, and what the others would cost there."""
    trace = context.trace
    tier = trace.dims["service_tier"]
    batched = np.isin(tier.codes, [i for i, v in enumerate(tier.values) if v in CHEAP_TIERS])
    work = (background(trace) & independent(trace) | batched) & charged(context)
    total = int(work.sum())
    if not total:
        return _nothing(trace)
    value = f"{share_text(int((work & batched).sum()), total)} of {total:,} background calls"
    open_calls = work & ~batched
    if not open_calls.any():
        return _result(CheckStatus.PASS, value, "All of them run at the batch price.", "")
    usd, both = _in_batch(context, open_calls)
    spent = exact_sum(context.bill.net_pusd[open_calls])
    why = f"{_names(trace, open_calls)}: {show(spent)} at the normal price."
    if not (open_calls & both).any():
        why += " Their models have no batch price in the book."
        return _result(CheckStatus.UNKNOWN, value, why, "Add the batch price to prices.yaml.")
    if usd < 0:
        why += f" In a batch cached input loses its discount: {show(-usd)} more."
        return _result(CheckStatus.HARMFUL, value, why, "Leave it where the cache works.", usd)
    return _result(CheckStatus.FAIL, value, why, "Send them through the batch API.", usd)


def _nothing(trace: Trace) -> CheckResult:
    if not any(len(trace.dims[name].values) > 1 for name in NAMED_IN):
        why = "The log names no agents, tasks or tags, so background work cannot be told."
        return _result(CheckStatus.UNKNOWN, "", why, "Log the agent's name or a tag.")
    why = "No independent call looks like background work, by name, tag or time of day."
    return _result(CheckStatus.NOT_APPLICABLE, "", why, "")


def background(trace: Trace) -> Bool:  # [call]
    """By the words of its names, or because its agent always starts at the same time of day."""
    out = named_background(trace)
    agent = trace.dims["agent"]
    timed = trace.has_time & independent(trace)
    for code in np.unique(agent.codes[timed]).tolist():
        if agent.values[code] and _scheduled(trace.at_us[timed & (agent.codes == code)]):
            out |= agent.codes == code
    return out


def _scheduled(at_us: Int) -> bool:
    days = len(np.unique(at_us // (24 * HOUR_US)))
    if days < MIN_DAYS or len(at_us) < MIN_CALLS:
        return False
    hours = np.bincount((at_us // HOUR_US) % 24, minlength=24)
    busiest = max(int(np.roll(hours, -h)[:WINDOW_HOURS].sum()) for h in range(24))
    return busiest >= SAME_TIME_SHARE * len(at_us)


def independent(trace: Trace) -> Bool:  # [call]
    """Calls that wait for no other one: alone in their session, or all of it are first turns."""
    count = len(trace.sessions)
    calls = np.bincount(trace.session, minlength=count)
    first = np.bincount(trace.session[first_turns(trace)], minlength=count)
    return ((calls == 1) | (first == calls))[trace.session]


def _in_batch(context: AuditContext, rows: Bool) -> tuple[PicoUsd, Bool]:
    """(dollars saved, calls priced on both sides); what loses its cache there is billed fresh."""
    tier, leaves = in_batch(context.trace, context.prices, rows)
    return saving(context, service_tier=tier, leaves=leaves)


def _names(trace: Trace, rows: Bool) -> str:
    agent = trace.dims["agent"]
    names = [agent.values[c] for c in np.unique(agent.codes[rows]).tolist() if agent.values[c]]
    return (
        ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "") or "calls"
    )


def _result(
    status: CheckStatus, value: str, why: str, fix: str, usd: PicoUsd | None = None
) -> CheckResult:
    basis = "" if usd is None else "from the log: the same calls at the provider's batch price"
    return CheckResult(ITEM, "batch", TITLE, status, value, TARGET, why, fix, usd, basis)
