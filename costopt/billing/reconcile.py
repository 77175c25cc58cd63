"""The bill against the costs that the log itself records, call by call.

Differences are grouped by the mistake that reproduces the recorded amount (`mistakes.py`); what none
of them explains is grouped by model, as a constant factor where it is one, else as *unexplained*.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from costopt.billing.mistakes import MISTAKES, Mistake
from costopt.model.bill import Bill, PriceStatus
from costopt.model.call import UsageState
from costopt.model.result import Reconciliation, ReconciliationGroup
from costopt.model.select import select
from costopt.model.trace import Trace
from costopt.model.view import View
from costopt.money import PicoUsd, exact_sum, usd_float, usd_text
from costopt.prices.contract import PriceBook

Int = NDArray[np.int64]
EQUAL_PUSD = 1000
"""$1e-9: float noise of the log's own sum."""
FINEST_ROUNDED_PUSD, COARSEST_ROUNDED_PUSD = 10**4, 10**10
"""Amounts rounded to between 8 decimals and whole cents are known; a mistake may add micro-dollars."""
MISTAKE_ROUNDED_PUSD = 10**6
SAMPLE_CALLS = 5000
"""Above this many open calls a sample decides which mistakes are tried on all of them."""
FACTOR_SLACK = 0.001
FACTOR_CALLS = 3
FLAT_TOKENS, FLAT_STEP_PUSD = 20, 10_000
"""A flat price is looked for in calls of this many tokens, in whole cents a million."""


def recorded_total(trace: Trace) -> PicoUsd | None:
    """Sum of the costs that the log records; None where it records none."""
    if not trace.has_recorded.any():
        return None
    return exact_sum(trace.recorded_pusd[trace.has_recorded])


def reconcile(trace: Trace, bill: Bill, prices: PriceBook | None = None) -> Reconciliation:
    """Compares calls with both a recorded and a known cost. Without `prices` no cause is looked for
    beyond rounding and constant factors."""
    rows = np.flatnonzero(trace.has_recorded & bill.priced)
    diff = trace.recorded_pusd[rows] - bill.net_pusd[rows]
    off = np.abs(diff) > EQUAL_PUSD
    causes = _causes(trace, bill, rows[off], prices)
    groups: dict[str, list[int]] = defaultdict(list)
    for cause, amount in zip(causes, diff[off].tolist(), strict=True):
        groups[cause].append(amount)
    ranked = sorted(groups.items(), key=lambda item: (-abs(sum(item[1])), item[0]))
    return Reconciliation(
        compared=len(rows),
        equal=int((~off).sum()),
        max_abs_diff_usd=usd_float(int(np.abs(diff).max(initial=0))),
        diff_usd=usd_float(exact_sum(diff)),
        groups=[ReconciliationGroup(c, len(a), usd_float(sum(a))) for c, a in ranked],
    )


def _causes(trace: Trace, bill: Bill, rows: Int, prices: PriceBook | None) -> list[str]:
    """A cause for each of these calls: the first that fits its recorded amount."""
    if not len(rows):
        return []
    recorded, net = trace.recorded_pusd[rows], bill.net_pusd[rows]
    cause = np.full(len(rows), "", object)
    cause[(recorded == 0) & (net > 0)] = "recorded as $0"
    cause[bill.status[rows] == PriceStatus.NOT_CHARGED] = "recorded for a call that costs nothing"
    cause[trace.usage_state[rows] == UsageState.ESTIMATED] = "token counts are estimated"
    # Rounding to a micro-dollar is no mistake of the rates; coarser rounding is asked for last.
    _by_rounding(recorded, net, cause, MISTAKE_ROUNDED_PUSD)
    if prices is not None:
        _by_mistake(trace, rows, recorded, cause, prices)
    _by_rounding(recorded, net, cause, COARSEST_ROUNDED_PUSD)
    _flat(trace, rows, recorded, cause)
    _by_model(trace, rows, recorded, net, cause)
    return [str(c) for c in cause]


def _flat(trace: Trace, rows: Int, recorded: Int, cause: NDArray[np.object_]) -> None:
    """One round price for every token, input or output: a placeholder in a tool's settings."""
    tokens = trace.input_tokens[rows] + trace.output_tokens[rows]
    rate, rest = np.divmod(recorded, np.maximum(tokens, 1))
    fits = (tokens >= FLAT_TOKENS) & (rest == 0) & (rate > 0) & (rate % FLAT_STEP_PUSD == 0)
    open_rows = np.flatnonzero(fits & (cause == ""))
    values, counts = np.unique(rate[open_rows], return_counts=True)
    # One such call is a coincidence.
    for i in open_rows[np.isin(rate[open_rows], values[counts > 1])].tolist():
        dollars = usd_text(int(rate[i]) * 1_000_000)
        cause[i] = f"one price of ${dollars} a million for all tokens"


def _last_decimal(amounts: Int, coarsest: int) -> Int:
    """The unit of an amount's last decimal that is not zero, at most `coarsest` pico-dollars."""
    unit = np.ones(len(amounts), np.int64)
    step = 10
    while step <= coarsest:
        unit[amounts % step == 0] = step
        step *= 10
    return unit


def _by_rounding(recorded: Int, net: Int, cause: NDArray[np.object_], coarsest: int) -> None:
    unit = _last_decimal(recorded, coarsest)
    rounded = (unit >= FINEST_ROUNDED_PUSD) & (np.abs(recorded - net) <= unit // 2)
    cause[(cause == "") & rounded] = "rounding in the log"


def _by_mistake(
    trace: Trace, rows: Int, recorded: Int, cause: NDArray[np.object_], prices: PriceBook
) -> None:
    """Re-price the open calls with one mistake after the other; of many calls only with mistakes
    that a sample of them shows."""
    mistakes = MISTAKES
    spots = np.flatnonzero(cause == "")
    if len(spots) > SAMPLE_CALLS:
        spots = spots[np.linspace(0, len(spots) - 1, SAMPLE_CALLS).astype(np.int64)]
        seen = np.full(len(rows), "skip", object)
        seen[spots] = ""
        used = _try(mistakes, trace, rows, recorded, seen, prices)
        mistakes = tuple(m for i, m in enumerate(mistakes) if i in used)
    _try(mistakes, trace, rows, recorded, cause, prices)


def _try(
    mistakes: Sequence[Mistake], trace: Trace, rows: Int, recorded: Int,
    cause: NDArray[np.object_], prices: PriceBook,
) -> set[int]:  # fmt: skip
    """Write the causes that fit; which of the mistakes did."""
    slack = np.maximum(EQUAL_PUSD, _last_decimal(recorded, MISTAKE_ROUNDED_PUSD) // 2)
    used = set()
    for number, mistake in enumerate(mistakes):
        spots = np.flatnonzero(cause == "")
        if not len(spots):
            break
        wrong = mistake.reprice(View.of(select(trace, rows[spots])), prices)
        fits = (wrong >= 0) & (np.abs(recorded[spots] - wrong) <= slack[spots])
        cause[spots[fits]] = mistake.cause
        if fits.any():
            used.add(number)
    return used


def _by_model(trace: Trace, rows: Int, recorded: Int, net: Int, cause: NDArray[np.object_]) -> None:
    """What is left: one factor on every call of a model is a markup or another contract."""
    provider, model = trace.dims["provider"], trace.dims["model"]
    pair = provider.codes[rows].astype(np.int64) * len(model.values) + model.codes[rows]
    for code in np.unique(pair[cause == ""]).tolist():
        mine = np.flatnonzero((pair == code) & (cause == ""))
        p, m = divmod(code, len(model.values))
        name = f"{provider.values[p]}/{model.values[m]}".strip("/")
        ratio = recorded[mine] / np.maximum(net[mine], 1)
        steady = len(mine) >= FACTOR_CALLS and np.ptp(ratio) <= FACTOR_SLACK * ratio.max()
        factor = f"{name}: {100 * float(np.median(ratio)):.1f} % of the book on every call"
        cause[mine] = factor if steady else f"unexplained: {name}"
