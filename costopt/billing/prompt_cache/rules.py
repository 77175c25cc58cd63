"""The provider's dated cache rules as columns: one value for each call of a view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.namespace import combined, distinct_codes
from costopt.model.view import View
from costopt.prices.contract import CacheRules
from costopt.prices.own_fleet import rules_of

_DAY_US = 86_400_000_000


class RuleBook(Protocol):
    """The part of a `PriceBook` that this package reads."""

    def cache_rules(self, provider: str, model: str, at_us: int | None) -> CacheRules: ...


@dataclass(frozen=True, slots=True)
class RuleColumns:
    """What the provider's rules say about each call."""

    active: NDArray[np.bool_]  # [call]: there is a cache for this model at this time
    breakpoints: NDArray[np.bool_]  # [call]: cached only up to a mark (Anthropic)
    writes_charged: NDArray[np.bool_]  # [call]: what is written costs more than fresh input
    reads: NDArray[np.bool_]  # [call]: a read keeps its discount on the call's service tier
    min_tokens: NDArray[np.int64]  # [call]
    step_tokens: NDArray[np.int64]  # [call], at least 1
    lifetime_us: NDArray[np.int64]  # [call]
    rule: NDArray[np.int64]  # [call], into `names`
    names: tuple[tuple[str, str], ...]
    """(provider, model) as the rule book calls them: what a fit is keyed by."""

    @property
    def warms(self) -> NDArray[np.bool_]:  # [call]: its prefix is kept for later calls
        return self.active & self.reads

    def subset(self, rows: NDArray[np.int64] | slice) -> RuleColumns:
        """The same columns for some of the calls."""
        columns = {name: getattr(self, name)[rows] for name in _COLUMNS}
        return RuleColumns(**columns, names=self.names)

    def differs(self, other: RuleColumns) -> NDArray[np.bool_]:  # [call]
        """Calls to which other rules apply (another model, time or service tier)."""
        unlike = [
            getattr(self, name) != getattr(other, name) for name in _COLUMNS if name != "rule"
        ]
        mine = np.array(
            [self.names[r] != name for name in other.names for r in range(len(self.names))]
        )
        table = mine.reshape(len(other.names), len(self.names))
        unlike.append(table[other.rule, self.rule])
        return np.logical_or.reduce(unlike)


_COLUMNS = (
    "active", "breakpoints", "writes_charged", "reads", "min_tokens", "step_tokens", "lifetime_us",
    "rule",
)  # fmt: skip


def rule_columns(view: View, book: RuleBook) -> RuleColumns:
    """Look up each distinct (provider, model, UTC day) once: rules change by date, not by hour."""
    n = view.trace.n
    days, of_day = distinct_codes(_day(view))
    names = combined([view.provider.codes, view.model.codes], n)
    values, where = distinct_codes(names * max(1, len(days)) + of_day)
    first = np.zeros(len(values), np.int64)
    first[where[::-1]] = np.arange(n)[::-1]
    index: dict[CacheRules, int] = {}
    found = [_rule(view, book, row, int(days[of_day[row]]) - 1) for row in first.tolist()]
    code = np.array([index.setdefault(rule, len(index)) for rule in found], np.int64)
    rules = list(index)
    row = code[where] if n else np.zeros(0, np.int64)
    tier = np.array([t == "batch" for t in view.service_tier.values], np.bool_)
    batch = tier[view.service_tier.codes]
    stacks = np.array([r.batch_stacks for r in rules], np.bool_)[row]
    return RuleColumns(
        active=np.array([r.mode != "none" for r in rules], np.bool_)[row],
        breakpoints=np.array([r.mode == "breakpoint" for r in rules], np.bool_)[row],
        writes_charged=np.array([r.write_multiplier_ppm > 1_000_000 for r in rules], np.bool_)[row],
        reads=stacks | ~batch,
        min_tokens=np.array([r.min_tokens for r in rules], np.int64)[row],
        step_tokens=np.array([max(1, r.step_tokens) for r in rules], np.int64)[row],
        lifetime_us=np.array([r.lifetime_s * 1_000_000 for r in rules], np.int64)[row],
        rule=row,
        names=tuple((r.provider, r.model) for r in rules),
    )


def _day(view: View) -> NDArray[np.int64]:  # [call]
    """UTC day of each call since 1970, plus one; 0: no time (NO_TIME is far below zero)."""
    return np.where(view.at_us < 0, 0, view.at_us // _DAY_US + 1)


def _rule(view: View, book: RuleBook, row: int, day: int) -> CacheRules:
    """The rules of a call's provider and model on that day; -1: no day."""
    at = None if day < 0 else day * _DAY_US
    provider, model = view.provider, view.model
    return rules_of(book, provider.values[provider.codes[row]], model.values[model.codes[row]], at)
