"""The audit's result: bill, reconciliation, cache, sessions, findings, checklist and coverage in one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt import __version__
from costopt.billing.breakdown import breakdown
from costopt.billing.context import AuditContext, PromptCacheReport
from costopt.billing.forecast import forecast_month
from costopt.billing.meter import meter
from costopt.billing.reconcile import reconcile, recorded_total
from costopt.billing.sessions import session_dollars
from costopt.billing.usage_estimate import missing_range
from costopt.billing.where import standard_breakdowns
from costopt.engine.advice import advice_items
from costopt.engine.parts import checklist_items, coverage, finding_items, sessions, trace_info
from costopt.engine.parts import tokens as token_sums
from costopt.model.bill import OwnGpus, PriceStatus
from costopt.model.call import UsageState
from costopt.model.finding import CheckResult, Finding
from costopt.model.result import SCHEMA, BillInfo, Coverage, PromptCacheInfo, Result
from costopt.model.select import select
from costopt.model.trace import Trace
from costopt.model.view import View
from costopt.money import PicoUsd, exact_sum, usd_float

UNPRICED = (PriceStatus.NO_MODEL, PriceStatus.NO_UNIT)
MAX_LABELS = 3
"""Models whose way of counting is spelled out; more are counted."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user asked of the result beside the trace itself."""

    by: Sequence[tuple[str, ...]] = ()
    tz: str = "UTC"
    seed: int = 0
    part: str = ""
    """What part of the log it is, in words; empty: all of it."""


def build_result(
    context: AuditContext,
    findings: list[tuple[str, Finding]],
    checks: list[CheckResult],
    dataset: str,
    asked: Asked | None = None,
) -> Result:
    """Every field from the trace and its bill; what is not known is None beside its reason."""
    asked = asked or Asked()
    rows, sampled = sessions(context, asked.seed)
    return Result(
        SCHEMA,
        __version__,
        context.prices.version,
        dataset,
        trace_info(context.trace),
        bill_info(context, asked),
        rows,
        sampled,
        cache_info(context.cache),
        None,
        checklist_items(checks),
        finding_items(context, findings),
        _coverage(context, asked.part),
        advice_items(context.tried),
    )


def _coverage(context: AuditContext, part: str) -> Coverage:
    found = coverage(context, token_label(context))
    return replace(found, notes=[part, *found.notes]) if part else found


def bill_info(context: AuditContext, asked: Asked) -> BillInfo:
    """The bill at each call's own date, its breakdowns, and what is not in it."""
    trace, bill = context.trace, context.bill
    forecast, reason = forecast_month(trace, bill, asked.seed, asked.tz)
    recorded = recorded_total(trace)
    bounds = missing_range(trace, context.prices, context.tokens)
    seats = bill.equivalent_pusd
    rows: dict[str, Any] = standard_breakdowns(trace, bill, context.attribution, asked.tz)
    return BillInfo(
        total_usd=usd_float(bill.total_pusd),
        recorded_usd=None if recorded is None else usd_float(recorded),
        reconciliation=reconcile(trace, bill, context.prices),
        per_session_usd=session_dollars(trace, bill),
        tokens=token_sums(trace),
        forecast_month_usd=forecast,
        forecast_reason=reason,
        list_usd=usd_float(exact_sum(bill.list_pusd)),
        discount_usd=usd_float(exact_sum(bill.discount_pusd)),
        missing_usd_range=None if bounds is None else [usd_float(b) for b in bounds],
        subscription_usd=0.0 if seats is None else usd_float(exact_sum(seats)),
        self_hosted=[_own_gpus(row) for row in bill.own_gpus],
        by={",".join(dims): _by(context, dims, asked.tz) for dims in asked.by},
        **_gaps(context),
        **rows,
    )


def _own_gpus(row: OwnGpus) -> dict[str, Any]:
    busy, idle = row.busy_pusd, row.idle_pusd
    return {
        "model": row.model,
        "calls": row.calls,
        "gpus": row.gpus,
        "hours": float(row.hours),
        "usd": usd_float(row.total_pusd),
        "busy_usd": None if busy is None else usd_float(busy),
        "idle_usd": None if idle is None else usd_float(idle),
    }


def _by(context: AuditContext, dims: tuple[str, ...], tz: str) -> list[dict[str, Any]]:
    rows = breakdown(context.trace, context.bill, context.attribution, dims, tz)
    return [row.to_json(dims) for row in rows]


def _gaps(context: AuditContext) -> dict[str, Any]:
    """Calls without a price, with estimated counts, and without any."""
    trace, bill = context.trace, context.bill
    unpriced = np.isin(bill.status, UNPRICED)
    counted = context.counted or trace
    estimated = counted.usage_state == UsageState.ESTIMATED
    missing = (bill.status == PriceStatus.NO_USAGE) & ~estimated
    model = trace.dims["model"]
    codes = np.unique(model.codes[unpriced]).tolist()
    return {
        "unpriced_calls": int(trace.requests[unpriced].sum()),
        "unpriced_models": sorted(model.values[c] or "no model named" for c in codes),
        "estimated_calls": int(trace.requests[estimated].sum()),
        "estimated_usd": usd_float(_estimated_pusd(context, counted, estimated)),
        "estimated_in_bill": context.counted is None,
        "missing_usage_calls": int(trace.requests[missing].sum()),
    }


def _estimated_pusd(context: AuditContext, counted: Trace, estimated: NDArray[np.bool_]) -> PicoUsd:
    """What the calls with counted usage cost, whether in the bill or beside it."""
    if context.counted is None:
        return exact_sum(context.bill.net_pusd[estimated])
    part = select(counted, np.flatnonzero(estimated))
    return exact_sum(meter(View.of(part), context.prices).net_pusd)


def cache_info(report: PromptCacheReport) -> PromptCacheInfo:
    """The provider's prompt cache as the result carries it."""
    by_model = [
        {
            "provider": share.provider, "model": share.model,
            "recorded_share": share.recorded_share, "ideal_share": share.ideal_share,
            "modelled_share": share.modelled_share,
            "heldout_residual_pp": share.heldout_residual_pp,
        }
        for share in report.by_model
    ]  # fmt: skip
    return PromptCacheInfo(
        report.recorded_share, report.ideal_share, report.modelled_share, report.residual_pp,
        by_model, report.ideal_block_share,
    )  # fmt: skip


def token_label(context: AuditContext) -> str:
    """How tokens of parts were counted over the models that have text: `exact`, `estimated (...)`."""
    trace = context.trace
    model = trace.dims["model"]
    codes = np.unique(model.codes[trace.has_content]).tolist()
    if not codes:
        return "not needed: the log carries no text"
    labels = {model.values[c]: context.tokens.label(model.values[c]) for c in codes}
    kinds = {name: label.partition(" ")[0] for name, label in labels.items()}
    if len(set(labels.values())) == 1:
        return next(iter(labels.values()))
    if len(set(kinds.values())) > 1:
        exact = sum(kind == "exact" for kind in kinds.values())
        return f"exact for {exact} of {len(codes)} models, else estimated"
    kind = next(iter(kinds.values()))
    whys = [f"{n}: {label.partition(' ')[2].strip('()')}" for n, label in labels.items()]
    more = f"; and {len(whys) - MAX_LABELS} models more" if len(whys) > MAX_LABELS else ""
    return f"{kind} ({'; '.join(whys[:MAX_LABELS])}{more})"
