"""The provider's dated cache rules as columns: one value for each call of a view."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from costopt.model.trace import NO_TIME
from costopt.model.view import View
from costopt.prices.contract import CacheRules


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
    day = np.where(view.at_us == NO_TIME, -1, view.at_us // 86_400_000_000)
    keys = np.stack((view.provider.codes, view.model.codes, day), axis=1)
    distinct, where = np.unique(keys, axis=0, return_inverse=True)
    index: dict[CacheRules, int] = {}
    found = [_rule(view, book, *key) for key in distinct.tolist()]
    code = np.array([index.setdefault(rule, len(index)) for rule in found], np.int64)
    rules = list(index)
    row = code[where.reshape(-1)] if n else np.zeros(0, np.int64)
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


def _rule(view: View, book: RuleBook, provider: int, model: int, day: int) -> CacheRules:
    at = None if day < 0 else day * 86_400_000_000
    return book.cache_rules(view.provider.values[provider], view.model.values[model], at)
