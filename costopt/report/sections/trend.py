"""Trend: dollars by day and the month's forecast."""

from __future__ import annotations

import datetime as dt

from costopt.model.result import Result
from costopt.report.card import Card, Chart, NotApplicable, Series
from costopt.report.words import dollars

ORDER = 25
NAME, TITLE = "trend", "Day by day"


def build(result: Result) -> Card | NotApplicable:
    """Dollars of each day; the forecast with its interval, or why there is none."""
    rows = result.bill.by_day
    if len(rows) < 2:
        return NotApplicable(NAME, TITLE, "the log covers less than two days, or has no times")
    chart = Chart(
        "by_day", "Dollars by day", "columns", [_label(str(r["day"])) for r in rows],
        [Series("dollars", [float(r["usd"]) for r in rows])], "usd",
        x_label="day", y_label="dollars",
    )  # fmt: skip
    forecast = result.bill.forecast_month_usd
    if forecast is None:
        lead = f"No forecast of the month: {result.bill.forecast_reason}."
    else:
        low, high = (dollars(v) for v in forecast.ci95)
        lead = f"At this pace a month costs {dollars(forecast.value)} (95 %: {low} to {high})."
    return Card(NAME, TITLE, lead, charts=[chart])


def _label(day: str) -> str:
    """`5 Oct`; calls without a time stand under `no time`."""
    if not day:
        return "no time"
    date = dt.date.fromisoformat(day)
    return f"{date.day} {date:%b}"
