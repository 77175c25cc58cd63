"""Background work on the batch API, at half the price.

Nobody waits for a nightly digest, an evaluation run or a backfill: they can take up to a day.

## When it is harmful
The batch rate halves what tokens cost, but a cached read keeps its discount there only where the
provider lists a cached batch price. Where it does not, well-cached input gets dearer in a batch.

## How it is tested
Background work is told by its name or tags (nightly, cron, batch, digest, backfill, eval, offline),
or by when it runs: an agent's starts that keep to the same two hours of the day on at least five days,
nineteen times in twenty. No person may reply in between. A chain of steps waits one batch window each,
so only sessions count in which no request is built on an earlier answer. The dollars are those of the
layer `batch` tried alone.

## Source
Item 7 of the usual list of advice; https://developers.openai.com/api/docs/guides/batch and
https://platform.claude.com/docs/en/build-with-claude/batch-processing (checked 2026-11-24).
"""

from __future__ import annotations

import numpy as np

from costopt.billing.background import background_work, session_depth
from costopt.billing.context import AuditContext
from costopt.billing.labels import NAMED_IN
from costopt.checklist.evidence import Evidence
from costopt.checklist.measure import Bool, Tested, charged, share_text, tested
from costopt.model.finding import CheckResult, CheckStatus
from costopt.model.trace import Trace
from costopt.model.view import View
from costopt.money import exact_sum, show

ITEM = 7
TITLE = "background work on the batch API"
TARGET = "all background calls that wait for no other"
CHEAP_TIERS = ("batch", "flex")


def run(context: AuditContext, evidence: Evidence) -> CheckResult:
    """Background calls, how many are batched, and what the others would cost there."""
    trace = context.trace
    tier = trace.dims["service_tier"]
    batched = np.isin(tier.codes, [i for i, v in enumerate(tier.values) if v in CHEAP_TIERS])
    view = View.of(trace)
    work = (background_work(view) & (session_depth(view) == 1) | batched) & charged(context)
    total = int(work.sum())
    if not total:
        return _nothing(trace)
    value = f"{share_text(int((work & batched).sum()), total)} of {total:,} background calls"
    open_calls = work & ~batched
    if not open_calls.any():
        return _result(CheckStatus.PASS, value, "All of them run at the batch price.", "")
    spent = exact_sum(context.bill.net_pusd[open_calls])
    why = f"{_names(trace, open_calls)}: {show(spent)} at the normal price."
    return _by_dollars(context, value, why)


def _by_dollars(context: AuditContext, value: str, why: str) -> CheckResult:
    found = tested(context, "batch")
    if found.usd is None or found.probe is None:
        return _result(CheckStatus.UNKNOWN, value, f"{why} {found.why}", "")
    if not found.probe.evidence.get("eligible_calls"):
        why += " Their models have no batch price in the book."
        return _result(CheckStatus.UNKNOWN, value, why, "Add the batch price to prices.yaml.")
    if found.harmful:
        why += f" In a batch cached input loses its discount: {show(-found.usd)} more."
        return _result(CheckStatus.HARMFUL, value, why, "Leave it where the cache works.", found)
    return _result(CheckStatus.FAIL, value, why, "Send them through the batch API.", found)


def _nothing(trace: Trace) -> CheckResult:
    if not any(len(trace.dims[name].values) > 1 for name in NAMED_IN):
        why = "The log names no agents, tasks or tags, so background work cannot be told."
        return _result(CheckStatus.UNKNOWN, "", why, "Log the agent's name or a tag.")
    why = "No independent call looks like background work, by name, tag or time of day."
    return _result(CheckStatus.NOT_APPLICABLE, "", why, "")


def _names(trace: Trace, rows: Bool) -> str:
    agent = trace.dims["agent"]
    names = [agent.values[c] for c in np.unique(agent.codes[rows]).tolist() if agent.values[c]]
    return (
        ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "") or "calls"
    )


def _result(
    status: CheckStatus, value: str, why: str, fix: str, found: Tested | None = None
) -> CheckResult:
    usd, basis = (None, "") if found is None else (found.usd, found.basis)
    return CheckResult(ITEM, "batch", TITLE, status, value, TARGET, why, fix, usd, basis)
