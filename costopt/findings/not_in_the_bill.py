"""Calls without a price, or without token counts: their money is not in the bill.

## Where the money goes
Nobody knows: these calls cost something, and the bill is too low by it. An unknown amount is never shown
as $0 and never priced as another model.

## How it is found
Calls that billing could not price, by cause: the model is not in the price book (or its name is ambiguous),
a unit that it used has no price, or no usage and no text to estimate it from.

## What can go wrong
A sum over this log understates the spend. Forecasts and shares do so too.

## Fix
Give the model a price in `prices.yaml`, or turn on usage in the logger
(`stream_options: {"include_usage": true}` for streams).
"""

from __future__ import annotations

import numpy as np

from costopt.billing.context import AuditContext
from costopt.findings.places import Int, by_code, dearest, shown_name
from costopt.model.bill import PriceStatus
from costopt.model.escape import fit
from costopt.model.finding import Finding
from costopt.model.secrets import masked
from costopt.money import PicoUsd

NAME = "not_in_the_bill"
REASON_COLUMNS = 120
NO_NAME_FIX = "Log the model's name with every call."
_WHY = {
    PriceStatus.NO_MODEL: ("without a price", "Add {model} to prices.yaml; costopt prices check."),
    PriceStatus.NO_UNIT: (
        "with a unit that has no price", "Add the missing unit of {model} to prices.yaml."),
    PriceStatus.NO_USAGE: (
        "without usage", "Turn on usage in the logger (stream_options.include_usage for streams)."),
}  # fmt: skip


def find(context: AuditContext) -> list[Finding]:
    """One finding a model and cause."""
    status, model = context.bill.status, context.trace.dims["model"]
    unknown = np.isin(status, [int(s) for s in _WHY])
    code = model.codes.astype(np.int64) * len(PriceStatus) + status
    return [_finding(context, rows) for _, rows in by_code(code, unknown)]


def _finding(context: AuditContext, rows: Int) -> Finding:
    trace, bill = context.trace, context.bill
    status, named = PriceStatus(int(bill.status[rows[0]])), trace.dims["model"].codes[rows[0]] > 0
    model = shown_name(trace.dims["model"].values[trace.dims["model"].codes[rows[0]]])
    cause, fix = _WHY[status]
    if status == PriceStatus.NO_MODEL and not named:
        fix = NO_NAME_FIX
    tokens = trace.input_tokens + trace.output_tokens
    count = int(trace.requests[rows].sum())
    evidence: dict[str, object] = {
        "calls": count, "tokens": int(tokens[rows].sum()),
        "basis": "the amount is not known; it is not in the bill",
    }  # fmt: skip
    if bill.reason_code is not None and bill.reason_code[rows[0]] >= 0:
        evidence["reason"] = fit(masked(bill.reasons[bill.reason_code[rows[0]]]), REASON_COLUMNS)
    return Finding(
        NAME, f"{model}: {count:,} {'call' if count == 1 else 'calls'} {cause}", PicoUsd(0),
        dearest(rows, tokens), fix.format(model=model), None, evidence=evidence,
    )  # fmt: skip
