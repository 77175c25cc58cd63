"""Days of one stated zone: they sum to the range; a forecast needs whole days."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costopt.billing.days import calendar
from costopt.billing.forecast import MIN_DAYS, forecast_month
from costopt.errors import UsageError
from costopt.model.bill import PriceStatus
from costopt.model.call import missing_usage
from costopt.model.trace import NO_TIME, Trace
from costopt.money import exact_group_sum
from tests.billing.small import call, flat_bill, timed, usage

DAY_US = 86_400_000_000
ZONES = (
    "UTC",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "America/New_York",
    "Pacific/Apia",
    "Europe/Berlin",
)


def us(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1_000_000)


def labels(unit: str, tz: str, *moments: str) -> list[str]:
    return calendar(np.array([us(m) for m in moments]), unit, tz).texts()


def test_one_instant_has_a_day_in_each_zone() -> None:
    late = "2026-03-12T20:30:00+00:00"
    assert labels("day", "UTC", late) == ["2026-03-12"]
    assert labels("day", "Asia/Kolkata", late) == ["2026-03-13"]
    assert labels("day", "America/New_York", late) == ["2026-03-12"]


def test_a_day_of_25_hours_is_one_day() -> None:
    # Berlin, 2025-10-26: the hour from 2 to 3 comes twice.
    first, last = "2025-10-25T22:00:00+00:00", "2025-10-26T22:59:59+00:00"
    assert labels("day", "Europe/Berlin", first, last) == ["2025-10-26", "2025-10-26"]
    assert labels("day", "Europe/Berlin", "2025-10-26T23:00:00+00:00") == ["2025-10-27"]


def test_units() -> None:
    moment = "2026-10-31T13:45:00+00:00"
    assert labels("hour", "UTC", moment) == ["2026-10-31T13"]
    assert labels("month", "UTC", moment) == ["2026-10"]
    assert labels("weekday", "UTC", moment) == ["Sat"]


def test_no_time_is_no_day() -> None:
    found = calendar(np.array([NO_TIME, us("2026-10-31T13:45:00+00:00")]), "day")
    assert found.texts() == ["", "2026-10-31"]


def test_an_unknown_zone_is_an_error() -> None:
    with pytest.raises(UsageError, match="no time zone"):
        calendar(np.array([0]), "day", "Mars/Olympus")


@given(st.lists(st.integers(0, 4 * 10**15), max_size=40), st.sampled_from(ZONES))
def test_days_sum_to_the_range_in_every_zone(moments: list[int], tz: str) -> None:
    # BILLING_TRAPS 58.
    at = np.array(moments, np.int64)
    amounts = np.arange(1, len(moments) + 1, dtype=np.int64)
    found = calendar(at, "day", tz)
    sums = exact_group_sum(amounts, found.codes, len(found.values))
    assert sum(sums) == amounts.sum()
    assert sums[0] == 0


def spread(days: int, per_day: int = 1, start: str = "2026-10-01T06:00:00+00:00") -> Trace:
    calls = []
    for day in range(days):
        for i in range(per_day):
            one = call(f"{day}-{i}", None, usage(fresh=1_000_000))
            one.at_us = us(start) + day * DAY_US + i * 3_600_000_000
            calls.append(one)
    return timed(calls)


def test_a_steady_month() -> None:
    # $2 a day; October has 31 days. The first and the last day may be cut off and do not count.
    trace = spread(12, per_day=2)
    found, reason = forecast_month(trace, flat_bill(trace), seed=1)
    assert reason == ""
    assert found is not None
    assert found.value == pytest.approx(62.0)
    assert found.ci95 == pytest.approx([62.0, 62.0])


def test_the_month_is_that_of_the_last_call() -> None:
    trace = spread(12, start="2026-02-10T06:00:00+00:00")
    found, _ = forecast_month(trace, flat_bill(trace), seed=1)
    assert found is not None
    assert found.value == pytest.approx(28.0)


def test_a_busy_day_widens_the_interval() -> None:
    calls = [call(str(d), None, usage(fresh=1_000_000 * (20 if d == 7 else 1))) for d in range(14)]
    for d, one in enumerate(calls):
        one.at_us = us("2026-10-01T06:00:00+00:00") + d * DAY_US
    trace = timed(calls)
    found, _ = forecast_month(trace, flat_bill(trace), seed=1)
    assert found is not None
    assert found.ci95[0] < found.value < found.ci95[1]
    again, _ = forecast_month(trace, flat_bill(trace), seed=1)
    assert again == found


@pytest.mark.parametrize(
    ("trace", "word"),
    [
        (spread(MIN_DAYS + 1), "whole days"),
        (timed([]), "time"),
    ],
)
def test_no_forecast_from_too_little(trace: Trace, word: str) -> None:
    found, reason = forecast_month(trace, flat_bill(trace), seed=1)
    assert found is None
    assert word in reason


def test_no_forecast_from_scattered_days_or_unknown_costs() -> None:
    scattered = spread(1)
    calls = [call(str(d), None, usage(fresh=1000)) for d in range(3)]
    for d, one in enumerate(calls):
        one.at_us = us("2026-09-01T06:00:00+00:00") + d * 15 * DAY_US
    scattered = timed(calls)
    assert "days in the log have calls" in forecast_month(scattered, flat_bill(scattered), 1)[1]
    from costopt.billing.meter import meter
    from costopt.model.view import View
    from tests.fakes import FakeBook

    lost = [call(str(d), None, missing_usage()) for d in range(12)]
    for d, one in enumerate(lost):
        one.at_us = us("2026-10-01T06:00:00+00:00") + d * DAY_US
    trace = timed(lost)
    reason = forecast_month(trace, meter(View.of(trace), FakeBook()), 1)[1]
    assert "12 of 12 calls have no known cost" in reason


def test_seats_are_not_unknown_and_have_no_forecast() -> None:
    trace = spread(MIN_DAYS + 3)
    bill = flat_bill(trace)
    seats = replace(bill, status=np.full(trace.n, PriceStatus.SUBSCRIPTION, np.int8))
    assert "seat" in forecast_month(trace, seats, seed=1)[1]
    half = bill.status.copy()
    half[::2] = PriceStatus.SUBSCRIPTION
    assert forecast_month(trace, replace(bill, status=half), seed=1)[0] is not None
