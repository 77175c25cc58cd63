"""Dollars of a month at the pace of the log, with an interval; or the reason why there is none."""

from __future__ import annotations

import calendar as months
import datetime as dt

import numpy as np
from numpy.typing import NDArray

from costopt.billing.days import calendar
from costopt.model.bill import Bill
from costopt.model.result import Forecast
from costopt.model.trace import Trace
from costopt.money import PICO_PER_USD, exact_group_sum

MIN_DAYS = 7
"""Whole days that a forecast needs: one week, so that every weekday is in it."""
MIN_ACTIVE_SHARE = 0.5
"""Share of days with calls: an export of a few scattered days says nothing about a month."""
MAX_UNKNOWN_SHARE = 0.01
"""Share of calls whose dollars are not known."""
RESAMPLES = 2000


def forecast_month(
    trace: Trace, bill: Bill, seed: int, tz: str = "UTC"
) -> tuple[Forecast | None, str]:
    """(dollars of the month of the last call, ""), or (None, why not).

    Mean of the whole days times the days of the month. The first and the last day of a log are cut
    off somewhere and do not count.
    """
    reason = _missing(trace, bill)
    if reason:
        return None, reason
    days, last = _whole_days(trace, bill, tz)
    if len(days) < MIN_DAYS:
        return None, f"the log covers {len(days)} whole days; a forecast needs {MIN_DAYS}"
    active = float((days > 0).mean())
    if active < MIN_ACTIVE_SHARE:
        return None, f"only {100 * active:.0f} % of the days in the log have calls"
    length = months.monthrange(last.year, last.month)[1]
    totals = _resampled(days, length, np.random.default_rng(seed))
    low, high = np.quantile(totals, (0.025, 0.975))
    return Forecast(float(days.mean()) * length, [float(low), float(high)]), ""


def _missing(trace: Trace, bill: Bill) -> str:
    if not trace.n or not trace.has_time.all():
        return "not every call has a time"
    if trace.sample_rate is not None and trace.sample_rate < 1:
        return f"the log holds {100 * trace.sample_rate:g} % of the calls"
    if float(bill.unknown.mean()) > MAX_UNKNOWN_SHARE:
        return f"{int(bill.unknown.sum())} of {trace.n} calls have no known cost"
    if not bill.priced.any():
        return "every call is covered by a seat: none is in the bill"
    return ""


def _whole_days(trace: Trace, bill: Bill, tz: str) -> tuple[NDArray[np.float64], dt.date]:
    """Dollars of each day between the first and the last one, empty days included."""
    label = calendar(trace.at_us, "day", tz)
    sums = exact_group_sum(bill.net_pusd, label.codes, len(label.values))
    usd = dict(zip(label.values, sums, strict=True))
    first, last = (dt.date.fromisoformat(label.values[i]) for i in (1, -1))
    inner = (last - first).days - 1
    dates = [(first + dt.timedelta(days=i + 1)).isoformat() for i in range(inner)]
    return np.array([usd.get(d, 0) / PICO_PER_USD for d in dates]), last


def _resampled(
    days: NDArray[np.float64], length: int, generator: np.random.Generator
) -> NDArray[np.float64]:
    """Month totals from blocks of neighbouring days: a busy day rarely stands alone."""
    size = max(1, round(len(days) ** (1 / 3)))
    blocks = -(-length // size)
    starts = generator.integers(0, len(days), (RESAMPLES, blocks))
    drawn = (starts[:, :, None] + np.arange(size)) % len(days)
    return days[drawn.reshape(RESAMPLES, -1)[:, :length]].sum(axis=1)
