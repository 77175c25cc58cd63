"""The providers' prompt-cache rules as dated data (`data/cache_rules.json`)."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import Any

from costopt.prices.catalog import Row
from costopt.prices.contract import CacheRules
from costopt.prices.own_data import START_US, cited, data, moment_us
from costopt.prices.standard import sheet_at

PPM = 1_000_000
# A start value where no lifetime is documented: what most providers' caches show; the fit refines it.
TYPICAL_LIFETIME_S = 300

NONE = CacheRules("", "", "none", START_US, 0, 1, 0, False, 1_000_000, 1_000_000, False, "")


def rules_for(row: Row, at_us: int | None) -> CacheRules:
    """The rule of a row at a moment; without a moment the newest one."""
    provider, model = row.provider, row.model
    found = [r for r in _dated(provider, model) if at_us is None or r.from_us <= at_us]
    if found:
        return found[-1]
    if not _dated(provider, model):
        return _from_prices(row, at_us)
    why = f"no prompt cache known for {provider}/{model} at this time"
    return replace(NONE, provider=provider, model=model, source=why)


def _from_prices(row: Row, at_us: int | None) -> CacheRules:
    """No rule of ours: a listed cached price says that there is a cache, and nothing of its steps."""
    newest = moment_us(data("book")["own_data_checked"])
    units = sheet_at(row, newest if at_us is None else at_us).base
    fresh, read = units.get("input"), units.get("cached_input")
    if not fresh or read is None or read >= fresh:
        why = f"the book lists no cached price for {row.provider}/{row.model}"
        return replace(NONE, provider=row.provider, model=row.model, source=why)
    write = units.get("cache_write", fresh)
    return CacheRules(
        row.provider, row.model, "automatic", START_US, 1, 1, TYPICAL_LIFETIME_S, True,
        int(read / fresh * PPM), int(write / fresh * PPM), False,
        f"the book lists a cached price for {row.provider}/{row.model}; its rules are not documented here",
    )  # fmt: skip


@lru_cache(maxsize=4096)
def _dated(provider: str, model: str) -> tuple[CacheRules, ...]:
    """All rules of one model, ascending; of two from the same day the more special one stands."""
    by_start: dict[int, CacheRules] = {}
    for item in data("cache_rules")["rules"]:
        if item["provider"] == provider and re.fullmatch(item["models"], model):
            rule = _rule(item, provider, model)
            by_start[rule.from_us] = rule
    return tuple(by_start[start] for start in sorted(by_start))


def _rule(item: dict[str, Any], provider: str, model: str) -> CacheRules:
    return CacheRules(
        provider=provider,
        model=model,
        mode=item["mode"],
        from_us=moment_us(item.get("from")),
        min_tokens=item.get("min_tokens", 0),
        step_tokens=item.get("step_tokens", 1),
        lifetime_s=item.get("lifetime_s", 0),
        refreshed_on_use=item.get("refreshed_on_use", True),
        read_multiplier_ppm=item.get("read_ppm", 1_000_000),
        write_multiplier_ppm=item.get("write_ppm", 1_000_000),
        batch_stacks=item.get("batch_stacks", False),
        source=f"{cited(item)} (checked {item['checked']})",
    )


def history(provider: str, model: str) -> tuple[CacheRules, ...]:
    """All rules of a model over time, ascending."""
    return _dated(provider, model)
