"""`costopt prices check`: which models of a log have no price, an ambiguous one, or stale data."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.model.leaf import LEAF_NAMES
from costopt.model.trace import Trace
from costopt.prices.book import Book
from costopt.prices.contract import NO_RATE, DatedRates, RatePeriod, Unpriced
from costopt.prices.own_data import as_moment, data, moment_us
from costopt.prices.version import book_date

STALE_DAYS = 30
_DAY_US = 86_400_000_000
_FILES = {
    "models": ("models",),
    "corrections": ("corrections", "moved_aliases", "other_charges"),
    "tiers": ("tiers", "speeds"),
    "regions": ("regions",),
    "fallbacks": ("fallbacks", "web_search"),
    "cache_rules": ("rules",),
}


@dataclass(frozen=True, slots=True)
class ModelCheck:
    """One model of the log as it is called: provider, tier, region and speed included."""

    provider: str
    model: str
    tier: str
    calls: int
    status: str
    """priced | unpriced | ambiguous | no_unit | stale | own | subscription."""
    reason: str
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BookCheck:
    """How old the data is."""

    version: str
    age_days: int
    stale: bool
    own_data_age_days: int
    old_entries: tuple[str, ...]
    """Entries of our own data files that were checked more than `STALE_DAYS` before `today`."""
    entries: int
    """Entries of our own data files."""
    unconfirmed: tuple[str, ...]
    """Those of which a fact was not found in any source, each with what it is."""


def check_book(book: Book, today: dt.date) -> BookCheck:
    """The age of the book and of every entry of our own data, on a day."""
    own = dt.date.fromisoformat(data("book")["own_data_checked"])
    age = (today - book_date()).days
    found = list(own_entries())
    old = tuple(
        name for name, i in found
        if (today - dt.date.fromisoformat(i["checked"])).days > STALE_DAYS
    )  # fmt: skip
    doubts = tuple(f"{name}: {i['note']}" for name, i in found if not i["confirmed"])
    days = (today - own).days
    return BookCheck(book.version, age, age > STALE_DAYS, days, old, len(found), doubts)


def own_entries() -> Iterator[tuple[str, dict[str, Any]]]:
    """(where, entry) of every entry of our own data files."""
    for file, sections in _FILES.items():
        for section in sections:
            for index, item in enumerate(data(file)[section]):
                yield f"{file}.json {section}[{index}] {_whose(item)}", item


def _whose(item: dict[str, Any]) -> str:
    what = item.get("model") or item.get("alias") or item.get("tier") or item.get("models") or ""
    return f"{item['provider']} {what if isinstance(what, str) else ', '.join(what)}".strip()


def check_trace(trace: Trace, book: Book) -> list[ModelCheck]:
    """Every (provider, model, tier, region, speed) of a log; those without a price first."""
    dims = [trace.dims[n] for n in ("provider", "model", "service_tier", "region", "speed")]
    codes = np.stack([d.codes for d in dims], axis=1) if trace.n else np.zeros((0, 5), np.int32)
    groups, where = np.unique(codes, axis=0, return_inverse=True)
    found = []
    for number, group in enumerate(groups.tolist()):
        names = [d.values[c] for d, c in zip(dims, group, strict=True)]
        rows = np.flatnonzero(where.reshape(-1) == number)
        found.append(_check(trace, book, rows, *names))
    return sorted(found, key=lambda c: (c.status in ("priced", "own"), -c.calls, c.model))


def _check(
    trace: Trace, book: Book, rows: NDArray[np.int64],
    provider: str, model: str, tier: str, region: str, speed: str,
) -> ModelCheck:  # fmt: skip
    rates = book.rates(provider, model, tier=tier or "default", region=region, speed=speed)
    if isinstance(rates, Unpriced):
        status = "ambiguous" if rates.ambiguous else "unpriced"
        return ModelCheck(provider, model, tier, len(rows), status, rates.reason, rates.candidates)
    status, reason = _status(trace, rates, rows)
    return ModelCheck(provider, model, tier, len(rows), status, reason)


def _status(trace: Trace, rates: DatedRates, rows: NDArray[np.int64]) -> tuple[str, str]:
    if rates.subscription:
        return "subscription", "covered by a seat: shown as API-equivalent"
    missing = _missing_units(trace, rates, rows)
    if missing:
        return "no_unit", missing
    times = trace.at_us[rows][trace.has_time[rows]]
    late = int((times.max() - moment_us(book_date())) // _DAY_US) if len(times) else 0
    if late > STALE_DAYS:
        day = as_moment(int(times.max())).date()
        return "stale", f"called until {day}, {late} days after the book's data"
    return "priced", rates.periods[-1].source


def _missing_units(trace: Trace, rates: DatedRates, rows: NDArray[np.int64]) -> str:
    """Units that these calls used without a price at their date (or why none had one), and the calls."""
    begins = np.array([p.from_us for p in rates.periods], np.int64)
    at = np.where(trace.has_time[rows], trace.at_us[rows], 2**62)
    which = np.searchsorted(begins, at, side="right") - 1
    calls: dict[str, int] = {}
    for index in np.unique(which).tolist():
        mine = rows[which == index]
        for name, used in _gaps(trace, rates.periods[index], mine):
            calls[name] = calls.get(name, 0) + used
    return ", ".join(
        f"{name if ' ' in name else f'no price for {name}'} ({count} calls)"
        for name, count in sorted(calls.items())
    )


def _gaps(
    trace: Trace, period: RatePeriod, rows: NDArray[np.int64]
) -> Iterator[tuple[str, int]]:  # fmt: skip
    if period.why_none:
        yield period.why_none, len(rows)
        return
    used = (trace.leaves[rows] > 0).sum(axis=0)
    for leaf, name in enumerate(LEAF_NAMES):
        if used[leaf] and all(t.rates[leaf] == NO_RATE for t in period.tiers):
            yield name, int(used[leaf])
    searched = int((trace.web_searches[rows] > 0).sum())
    if searched and period.web_search_pusd == NO_RATE:
        yield "web_search", searched
