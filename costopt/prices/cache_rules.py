"""The providers' prompt-cache rules as dated data (`data/cache_rules.json`)."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import Any

from costopt.prices.contract import CacheRules
from costopt.prices.own_data import START_US, data, moment_us

NONE = CacheRules("", "", "none", START_US, 0, 1, 0, False, 1_000_000, 1_000_000, False, "")


def rules_for(provider: str, model: str, at_us: int | None) -> CacheRules:
    """The rule of a canonical (provider, model) at a moment; without a moment the newest one."""
    found = [r for r in _dated(provider, model) if at_us is None or r.from_us <= at_us]
    if found:
        return found[-1]
    why = f"no prompt cache known for {provider}/{model} at this time"
    return replace(NONE, provider=provider, model=model, source=why)


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
        source=f"{item['source']} (checked {item['checked']})",
    )


def history(provider: str, model: str) -> tuple[CacheRules, ...]:
    """All rules of a model over time, ascending."""
    return _dated(provider, model)
