"""The standard tier's sheet of a row at any moment: the book, corrected and completed by our data."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from functools import cache
from typing import Any

from costopt.prices.catalog import Row
from costopt.prices.names import claude_version
from costopt.prices.own_data import START_US, as_moment, cited, data, moment_us
from costopt.prices.sheet import NO_PRICE, Sheet, Units, from_book

_NOT_COUNTED = {"requests_kcount": "a fee per request", "output_citation_mtok": "citation tokens"}
# A daily window is written out day by day: this far beyond our data, and this long without a `from`.
DAYS_AHEAD, DAYS_IN_ALL = 400, 800
_DAY_US = 86_400_000_000


def boundaries(row: Row) -> set[int]:
    """Moments at which the standard price of a row may change. Always holds the beginning."""
    found = {START_US}
    ours = any(item.get("whole") for item in corrections(row))
    for price in _conditional(row.info):
        if not ours:
            found |= constraint_starts(price.constraint)
    for item in (*corrections(row), *_searches(row)):
        found |= {moment_us(item.get("from")), moment_us(item.get("to"))}
        found |= _window_starts(item)
    return found


def _conditional(info: Any) -> list[Any]:
    listed = getattr(info, "prices", None)
    return listed if isinstance(listed, list) else []


def constraint_starts(constraint: Any) -> set[int]:
    """Moments at which a book constraint switches (a daily one: every day of the written-out span)."""
    if constraint is None:
        return set()
    if hasattr(constraint, "start_date"):
        return {moment_us(constraint.start_date)}
    return _daily([constraint.start_time, constraint.end_time], None)


def _window_starts(item: dict[str, Any]) -> set[int]:
    clocks = {h for window in item.get("hours", ()) for h in window if h != "24:00"}
    return _daily([dt.time.fromisoformat(c) for c in clocks], item) if clocks else set()


def _daily(times: list[dt.time], item: dict[str, Any] | None) -> set[int]:
    dates = item or {}
    horizon = moment_us(data("book")["own_data_checked"]) + DAYS_AHEAD * _DAY_US
    first = moment_us(dates.get("from"), horizon - DAYS_IN_ALL * _DAY_US)
    last = moment_us(dates.get("to"), horizon)
    offsets = [(t.hour * 3600 + t.minute * 60) * 1_000_000 for t in times]
    first -= first % _DAY_US
    return {day + offset for day in range(first, last, _DAY_US) for offset in offsets}


def sheet_at(row: Row, at_us: int) -> Sheet:
    """The standard sheet at a moment; NO_PRICE where the row has none."""
    if row.info is None:
        return NO_PRICE
    key = (row.provider, row.model)
    live = tuple(i for i, item in enumerate(corrections(row)) if active(item, at_us))
    searches = tuple(i for i, item in enumerate(_searches(row)) if active(item, at_us))
    whole = [i for i in live if _by_row()[key][i].get("whole")]
    listed = None if whole else row.info.get_prices(as_moment(at_us))
    cache_key = (*key, id(listed), live, searches)
    if cache_key not in _SHEETS:
        sheet = NO_PRICE if whole else from_book(listed)
        for i in live[live.index(whole[-1]) if whole else 0 :]:
            sheet = _corrected(sheet, corrections(row)[i])
        _SHEETS[cache_key] = complete(row, sheet, at_us) if _sells(sheet) else NO_PRICE
    return _SHEETS[cache_key]


def _corrected(sheet: Sheet, item: dict[str, Any]) -> Sheet:
    """The units of an entry over a sheet; `above` has those of the dearer context tiers."""
    base = {n: Decimal(v) for n, v in item["units"].items()}
    above = {int(s): u for s, u in item.get("above", {}).items()}
    gone = item.get("drop", ())
    tiers = []
    for start in sorted({*above, *(s for s, _ in sheet.tiers)}):
        units = [u for s, u in sheet.tiers if s <= start][-1]
        dearer = {n: Decimal(v) for n, v in above.get(start, {}).items()}
        kept = {n: v for n, v in units.items() if n not in gone}
        tiers.append((start, {**kept, **base, **dearer}))
    return Sheet(tuple(tiers), sheet.inclusive)


# A model billed by the hour has thousands of moments but a handful of sheets.
_SHEETS: dict[tuple[object, ...], Sheet] = {}


def _sells(sheet: Sheet) -> bool:
    return any(unit in sheet.base for unit in ("input", "output", "input_audio"))


def row_entries(provider: str, model: str) -> list[dict[str, Any]]:
    """Every entry of our own data that says something of this row's price or name."""
    found = [
        i for i in data("models")["models"] if i["provider"] == provider
        and model in (i.get("row"), *i["names"])
    ]  # fmt: skip
    found += _by_row().get((provider, model), [])
    aliases = data("corrections")["moved_aliases"]
    found += [i for i in aliases if i["provider"] == provider and model in (i["alias"], i["row"])]
    return found


def withdrawn(row: Row, at_us: int) -> str:
    """Why our data leaves a row without any price at a moment, where it does."""
    gone = [i for i in corrections(row) if i.get("whole") and not i["units"] and active(i, at_us)]
    return str(gone[-1]["why"]) if gone else ""


def other_charges(row: Row, name: str) -> str:
    """What else than its tokens a model bills that a log does not count; then tokens are not the bill."""
    for item in data("corrections")["other_charges"]:
        named = re.fullmatch(item["models"], row.model) or re.fullmatch(item["models"], name)
        if item["provider"] == row.provider and named:
            return f"{item['why']} ({cited(item)})"
    listed = row.info.prices if row.info is not None else None
    sheets = [p.prices for p in listed] if isinstance(listed, list) else [listed]
    for unit, what in _NOT_COUNTED.items():
        if any(getattr(s, unit, None) for s in sheets if s is not None):
            return f"the book lists {what} for it, which a log's usage does not count"
    return ""


def complete(row: Row, sheet: Sheet, at_us: int) -> Sheet:
    """Documented fall-backs: writes that are plain input, Claude's write multiples, search fees."""
    claude = claude_version(row.model) is not None
    sheet = sheet.map(lambda units: _filled(row.provider, claude, units))
    for item in _searches(row):
        if active(item, at_us) and "web_search" not in sheet.base:
            price = Decimal(item["usd_per_thousand"])
            sheet = sheet.map(lambda units, p=price: {**units, "web_search": p})  # type: ignore[misc]
    return sheet


def claude_writes() -> dict[str, Decimal]:
    """Anthropic's write multiples of the input price, by lifetime."""
    listed = data("fallbacks")["claude_write_multipliers"]
    return {n: Decimal(v) for n, v in listed.items() if n.startswith("cache_write")}


def _filled(provider: str, claude: bool, units: Units) -> Units:
    filled = dict(units)
    if claude and "cache_write" in units and "input" in units:
        filled.setdefault("cache_write_1h", units["input"] * claude_writes()["cache_write_1h"])
    for item in data("fallbacks")["fallbacks"]:
        if item["provider"] != provider or (claude and item.get("not_claude")):
            continue
        blocked = item.get("unless") in units
        if item["as"] in units and item["unit"] not in units and not blocked:
            filled[item["unit"]] = units[item["as"]]
            if item["unit"] == "cache_write":
                for life in ("5m", "1h", "30m", "12h"):
                    filled.setdefault(f"cache_write_{life}", units[item["as"]])
    return filled


@cache
def _by_row() -> dict[tuple[str, str], list[dict[str, Any]]]:
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for item in data("corrections")["corrections"]:
        found.setdefault((item["provider"], item["model"]), []).append(item)
    return found


def corrections(row: Row) -> list[dict[str, Any]]:
    """Our corrections of this row, in the order in which they apply."""
    return _by_row().get((row.provider, row.model), [])


def _searches(row: Row) -> list[dict[str, Any]]:
    return [i for i in data("fallbacks")["web_search"] if i["provider"] == row.provider]


def active(item: dict[str, Any], at_us: int) -> bool:
    """Whether a dated entry (with `hours` and `weekdays` where it has them) holds at this moment."""
    if not moment_us(item.get("from")) <= at_us < moment_us(item.get("to"), 2**63 - 1):
        return False
    moment = as_moment(at_us)
    if "weekdays" in item and moment.isoweekday() not in item["weekdays"]:
        return False
    if moment.date().isoformat() in item.get("not_days", ()):
        return False
    hours = item.get("hours")
    clock = moment.time().isoformat()[:5]
    return not hours or any(first <= clock < last for first, last in hours)
