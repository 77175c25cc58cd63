"""What recorded reads prove beyond the dated rules: a cache, or a minimum below the documented one.

Providers start caching before their pages say so. A rule that the log itself refutes would model
nothing where something was paid for; a single odd count refutes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from costopt.billing.prompt_cache.rules import RuleBook
from costopt.model.call import UsageState
from costopt.model.trace import Trace
from costopt.prices.contract import CacheRules

_MIN_PROOFS = 3
"""Calls that must show it."""
_UNKNOWN_MIN_TOKENS, _UNKNOWN_LIFETIME_S = 1024, 300
"""Of a cache that only its reads tell of: what most providers have."""
Names = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ProvenRules:
    """A rule book corrected by one trace."""

    book: RuleBook
    smallest_read: dict[Names, int]
    """(provider, model) as logged: the smallest read that enough calls had."""

    @classmethod
    def of(cls, trace: Trace, book: RuleBook) -> ProvenRules:
        """Look at every provider and model that reported reads."""
        provider, model = trace.dims["provider"], trace.dims["model"]
        reads = np.where(trace.usage_state == UsageState.REPORTED, trace.cache_read, 0)
        reads = np.where(trace.requests == 1, reads, 0)
        pairs = np.stack((provider.codes, model.codes), axis=1)
        smallest: dict[Names, int] = {}
        for p, m in np.unique(pairs[reads > 0], axis=0).tolist():
            rows = np.flatnonzero((reads > 0) & (provider.codes == p) & (model.codes == m))
            if len(rows) >= _MIN_PROOFS:
                names = provider.values[p], model.values[m]
                smallest[names] = int(np.sort(reads[rows])[_MIN_PROOFS - 1])
        return cls(book, smallest)

    def cache_rules(self, provider: str, model: str, at_us: int | None) -> CacheRules:
        """The book's rules, as far as the log does not refute them."""
        rules = self.book.cache_rules(provider, model, at_us)
        seen = self.smallest_read.get((provider, model))
        if seen is None:
            return rules
        if rules.mode == "none":
            return _unknown(rules, seen)
        return rules if seen >= rules.min_tokens else replace(rules, min_tokens=seen)


def _unknown(rules: CacheRules, seen: int) -> CacheRules:
    return replace(
        rules, mode="automatic", min_tokens=min(seen, _UNKNOWN_MIN_TOKENS), step_tokens=1,
        lifetime_s=_UNKNOWN_LIFETIME_S, refreshed_on_use=True,
        source="the log's own cached counts; the price book knows of no cache",
    )  # fmt: skip
