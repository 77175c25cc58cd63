"""A budget for each session, with a hard stop.

One run that loops all night can cost more than a month of normal ones. A budget of the whole proxy
stops everybody when it is spent; only one by session stops the runaway alone.

## How it is tested
A log cannot show a limit that was never reached. Errors that name a budget prove one; so does a
deployment file. The dollars are an estimate: what a stop at twice the 95th percentile of a session's
cost would have cut off, whether or not those sessions ended well.

## Proof from files
A LiteLLM config with `max_budget_per_session` or `max_iterations`. `max_budget`, provider and user
budgets are named, but do not pass: they stop the proxy, the provider or the user, not the session.

## Source
Item 9 of the usual list of advice; https://docs.litellm.ai/docs/a2a_iteration_budgets (checked
2026-11-24).
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from costopt.billing.context import AuditContext
from costopt.billing.sessions import session_pusd
from costopt.checklist.evidence import Evidence, Kind, Topic
from costopt.model.call import CallStatus
from costopt.model.finding import CheckResult, CheckStatus
from costopt.money import PicoUsd, show, usd_float

ITEM = 9
TITLE = "budget for each session, with a hard stop"
TARGET = "a hard stop by session"
MIN_SESSIONS = 20
"""Sessions before a 95th percentile means anything."""
CAP_FACTOR = 2
FIX = "Set a hard stop by session, for example LiteLLM's max_budget_per_session{cap}."


def run(context: AuditContext, evidence: Evidence) -> CheckResult:
    """Budget errors in the log, budgets in files, and what a stop would have cut off."""
    usd, cap, value = _excess(context)
    fix = FIX.format(cap=f": {_two_digits(cap)}" if cap else "")
    proof = evidence.proof(Topic.SESSION_BUDGET)
    if proof is not None:
        return _result(CheckStatus.PASS, value, f"{proof.source}: {proof.text}.", "", usd)
    refused = _refused(context)
    if refused:
        return _result(
            CheckStatus.PASS, value, f"{refused:,} calls were refused by a budget.", "", usd
        )
    other = evidence.proof(Topic.OTHER_BUDGET)
    if other is not None:
        why = f"{other.source}: {other.text} stops everything behind it, not the one session."
        return _result(CheckStatus.FAIL, value, why, fix, usd)
    if evidence.of(Kind.LITELLM):
        return _result(CheckStatus.FAIL, value, "The LiteLLM config sets no budget.", fix, usd)
    why = "A log cannot show a limit that was never reached. A LiteLLM config would (--evidence)."
    return _result(CheckStatus.UNKNOWN, value, why, fix, usd)


def _two_digits(pusd: int) -> str:
    """Dollars to two digits, as a config file takes them: 0.52, 130; never 1.3e+02."""
    return f"{Decimal(f'{usd_float(pusd):.2g}'):f}"


def _refused(context: AuditContext) -> int:
    trace = context.trace
    failed = np.flatnonzero(trace.status == CallStatus.FAILED).tolist()
    if not trace.error:
        return 0
    return sum("budget" in trace.error[i].lower() for i in failed)


def _excess(context: AuditContext) -> tuple[PicoUsd | None, int, str]:
    """(dollars beyond the cap, the cap, what the dearest session cost)."""
    if not context.trace.session_known.any():
        return None, 0, ""
    costs = sorted(session_pusd(context.trace, context.bill)[1])
    if not costs:
        return None, 0, ""
    value = f"dearest session {show(costs[-1])}"
    if len(costs) < MIN_SESSIONS:
        return None, 0, value
    p95 = costs[-(-95 * len(costs) // 100) - 1]
    cap = CAP_FACTOR * p95
    over = [c - cap for c in costs if c > cap]
    value += f", P95 {show(p95)}, {len(over)} above twice that"
    return PicoUsd(sum(over)), cap, value


def _result(
    status: CheckStatus, value: str, why: str, fix: str, usd: PicoUsd | None
) -> CheckResult:
    basis = "" if usd is None else "estimate: spend beyond a stop at twice the P95 session"
    return CheckResult(ITEM, "session_budget", TITLE, status, value, TARGET, why, fix, usd, basis)
