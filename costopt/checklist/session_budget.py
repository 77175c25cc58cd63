"""A budget for each session, with a hard stop.

One run that loops all night can cost more than a month of normal ones. A budget of the whole proxy
stops everybody when it is spent; only one by session stops the runaway alone.

## How it is tested
A log cannot show a limit that was never reached. Errors that name a budget prove one; so does a
deployment file. The dollars are those of the layer `session_budget`, tried alone with a stop at twice the
95th percentile of a session's cost: calls behind it are not made, whether or not those sessions ended
well; how many did is said.

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
from costopt.checklist.measure import Tested, tested
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
    value, stop = _sessions(context)
    found = tested(context, "session_budget", "a stop at twice the P95 session")
    fix = FIX.format(cap=f": {_two_digits(stop)}" if stop else "")
    proof = evidence.proof(Topic.SESSION_BUDGET)
    if proof is not None:
        return _result(CheckStatus.PASS, value, f"{proof.source}: {proof.text}.", "", found)
    refused = _refused(context)
    if refused:
        why = f"{refused:,} calls were refused by a budget."
        return _result(CheckStatus.PASS, value, why, "", found)
    other = evidence.proof(Topic.OTHER_BUDGET)
    if other is not None:
        why = f"{other.source}: {other.text} stops everything behind it, not the one session."
        return _result(CheckStatus.FAIL, value, why + _ended(found), fix, found)
    if evidence.of(Kind.LITELLM):
        why = "The LiteLLM config sets no budget."
        return _result(CheckStatus.FAIL, value, why + _ended(found), fix, found)
    why = "A log cannot show a limit that was never reached. A LiteLLM config would (--evidence)."
    return _result(CheckStatus.UNKNOWN, value, why + _ended(found), fix, found)


def _ended(found: Tested) -> str:
    """What would have been stopped had often ended well."""
    told = {} if found.probe is None else found.probe.evidence
    stopped = told.get("stopped_sessions", 0)
    if not stopped:
        return ""
    good, unknown = told.get("ended_well", 0), told.get("ended_unknown", 0)
    open_end = f", {unknown:,} cannot be told" if unknown else ""
    return f" Of {stopped:,} sessions above the stop, {good:,} had ended well{open_end}."


def _two_digits(pusd: int) -> str:
    """Dollars to two digits, as a config file takes them: 0.52, 130; never 1.3e+02."""
    return f"{Decimal(f'{usd_float(pusd):.2g}'):f}"


def _refused(context: AuditContext) -> int:
    trace = context.trace
    failed = np.flatnonzero(trace.status == CallStatus.FAILED).tolist()
    if not trace.error:
        return 0
    return sum("budget" in trace.error[i].lower() for i in failed)


def stop_pusd(context: AuditContext) -> PicoUsd | None:
    """Twice the 95th percentile of a session's cost; None: too few sessions to know it."""
    costs = _costs(context)
    if len(costs) < MIN_SESSIONS:
        return None
    stop = CAP_FACTOR * costs[-(-95 * len(costs) // 100) - 1]
    return PicoUsd(stop) if stop else None


def _costs(context: AuditContext) -> list[int]:
    if not context.trace.session_known.any():
        return []
    return sorted(int(c) for c in session_pusd(context.trace, context.bill)[1])


def _sessions(context: AuditContext) -> tuple[str, int]:
    """(what sessions cost, the stop; 0: none)."""
    costs, stop = _costs(context), stop_pusd(context)
    if not costs:
        return "", 0
    value = f"dearest session {show(costs[-1])}"
    if stop is None:
        return value, 0
    above = sum(c > stop for c in costs)
    return f"{value}, P95 {show(stop // CAP_FACTOR)}, {above} above twice that", int(stop)


def _result(status: CheckStatus, value: str, why: str, fix: str, found: Tested) -> CheckResult:
    usd, basis = found.usd, found.basis
    return CheckResult(ITEM, "session_budget", TITLE, status, value, TARGET, why, fix, usd, basis)
