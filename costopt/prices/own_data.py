"""Our own dated data files beside the book; every entry carries its source and the day it was checked."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "data"
START_US = -(2**63)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@cache
def data(name: str) -> dict[str, Any]:
    """One data file: book, models, tiers, corrections, regions, fallbacks or cache_rules."""
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    return json.loads(text, parse_float=Decimal)


def cited(item: dict[str, Any]) -> str:
    """The source of an entry, and what of it was not found in any."""
    doubt = "" if item["confirmed"] else f" (not confirmed: {item['note']})"
    return f"{item['source']}{doubt}"


def moment_us(day: dt.date | dt.datetime | str | None, default: int = START_US) -> int:
    """UTC microseconds of a day's beginning (or of a moment); `default` for None."""
    if day is None:
        return default
    if isinstance(day, str):
        day = dt.datetime.fromisoformat(day) if "T" in day else dt.date.fromisoformat(day)
    if not isinstance(day, dt.datetime):
        day = dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)
    if day.tzinfo is None:
        day = day.replace(tzinfo=dt.UTC)
    return (day - _EPOCH) // dt.timedelta(microseconds=1)


def as_moment(at_us: int) -> dt.datetime:
    """The other way; far past is the year 1970, before any price."""
    return _EPOCH + dt.timedelta(microseconds=max(0, at_us))


def day_text(at_us: int) -> str:
    """`2025-06-10`, or `2026-08-16T16:00` for a moment within a day; empty for the beginning."""
    if at_us == START_US:
        return ""
    moment = as_moment(at_us)
    return moment.date().isoformat() if moment.time() == dt.time() else moment.isoformat()[:16]
