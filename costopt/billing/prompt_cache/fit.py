"""How often the provider really served what it could have: fitted on recorded reads.

A call looks at its entries from the longest down. At each there is a chance that it is read, given
that the longer ones were not. So one model tells a total miss (all fail), a full hit, and the
fall-back to an older, shorter entry; it knows kind, gap, size and how many requests covered it.
Coefficients shrink: agent to model, model to provider, provider to all, all to the dated rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.entries import (
    N_KINDS,
    Entries,
    call_features,
    entry_features,
    servable,
)
from costopt.billing.prompt_cache.hierarchy import ByKey, Key, nearest, scores, stacked
from costopt.billing.prompt_cache.logistic import chance
from costopt.billing.prompt_cache.namespace import distinct_codes
from costopt.billing.prompt_cache.observed import Seen, could_read, last_there
from costopt.billing.prompt_cache.prefix import PrefixResult
from costopt.billing.prompt_cache.priors import (
    CALL_PRIOR,
    CALL_SPREADS,
    ENTRY_PRIOR,
    ENTRY_SPREADS,
    UNSEEN,
)
from costopt.billing.prompt_cache.rules import RuleColumns
from costopt.billing.prompt_cache.steps import learned_step
from costopt.model.call import UsageState
from costopt.model.trace import Trace
from costopt.model.view import View

_MOST_CALLS = 100_000
"""A fit of two dozen numbers gains nothing from more; every k-th call is taken."""
_CHUNK_CALLS = 100_000
"""Features of so many calls are held at once: about 200 MB."""


@dataclass(frozen=True, slots=True)
class Served:
    """What the model expects of each call."""

    tokens: NDArray[np.float64]  # [call]: expected cached tokens
    variance: NDArray[np.float64]  # [call]: of the cached tokens, in tokens squared
    hit: NDArray[np.float64]  # [call]: chance that anything is read


@dataclass(frozen=True)
class CacheFit:
    """Coefficients by provider, model and agent; unseen ones fall back to the nearest parent."""

    any_read: dict[Key, NDArray[np.float64]]
    """[call feature]: log odds that a call reads anything."""
    which: dict[Key, NDArray[np.float64]]
    """[entry feature]: log odds that this entry is read, given a read and that no longer one was."""
    share: dict[Key, NDArray[np.float64]]
    """[kind]: tokens read of an entry, given that it was the one read."""
    unseen: dict[Key, NDArray[np.float64]]
    """[later, first of its namespace]: how often a call reads although the log shows nothing that
    it could: sent by another program, or before the log began."""
    steps: dict[Key, int]
    calls: int
    """Calls it was fitted on; 0: the dated rules alone."""

    def served(self, prefix: PrefixResult, rules: RuleColumns, view: View) -> Served:
        """Expected cached tokens of every call of a view, with their variance."""
        keys, group = group_keys(view, rules)
        parts = [
            self._served(prefix.subset(rows), rules.subset(rows), keys, group[rows])
            for rows in _chunks(view.trace.n)
        ]
        return Served(
            np.concatenate([p.tokens for p in parts]), np.concatenate([p.variance for p in parts]),
            np.concatenate([p.hit for p in parts]),
        )  # fmt: skip

    def _served(
        self, prefix: PrefixResult, rules: RuleColumns, keys: tuple[Key, ...],
        group: NDArray[np.int64],
    ) -> Served:  # fmt: skip
        entries = servable(prefix, rules, self.step_tokens(keys, group, rules))
        hit, read = self._chances(keys, group, entries, prefix, rules)
        share = stacked(self.share, keys)[group]
        tokens = entries.tokens * np.take_along_axis(share, entries.kind.astype(int), axis=1)
        mean = (read * tokens).sum(axis=1)
        variance = (read * tokens**2).sum(axis=1) - mean**2
        return Served(mean, np.maximum(variance, 0.0), hit)

    def _chances(
        self, keys: tuple[Key, ...], group: NDArray[np.int64], entries: Entries,
        prefix: PrefixResult, rules: RuleColumns,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # fmt: skip
        """[call]: that anything is read; [call, entry]: that this entry is."""
        there = entries.tokens > 0
        x = call_features(entries, prefix, rules)
        call = scores(x, self.any_read, CALL_SPREADS, keys, group)
        some = there.any(axis=1)
        blind = stacked(self.unseen, keys)[group, prefix.opens.astype(np.int64)]
        hit = np.where(some, chance(call), np.where(could_read(prefix, rules), blind, 0.0))
        x = entry_features(entries, prefix, rules)
        hazard = chance(scores(x, self.which, ENTRY_SPREADS, keys, group))
        hazard = np.where(there, np.where(last_there(there), 1.0, hazard), 0.0)
        missed = np.cumprod(1.0 - hazard, axis=1)
        before = np.concatenate((np.ones((len(missed), 1)), missed[:, :-1]), axis=1)
        return hit, hit[:, None] * before * hazard

    def step_tokens(
        self, keys: tuple[Key, ...], group: NDArray[np.int64], rules: RuleColumns
    ) -> NDArray[np.int64]:
        """The rule's step where it is documented, else what the reads showed, else 1."""
        return np.where(rules.step_tokens > 1, rules.step_tokens, self.learned_steps(keys)[group])

    def learned_steps(self, keys: tuple[Key, ...]) -> NDArray[np.int64]:  # [key]
        return np.array([nearest(self.steps, k) for k in keys], np.int64)


def _chunks(n: int) -> Iterator[slice]:
    """Calls worked on at a time; one empty part where there are none."""
    for start in range(0, max(n, 1), _CHUNK_CALLS):
        yield slice(start, start + _CHUNK_CALLS)


def group_keys(view: View, rules: RuleColumns) -> tuple[tuple[Key, ...], NDArray[np.int64]]:
    """(provider, model, agent) of each call: the distinct ones, and the code of each call."""
    agents = view.trace.dims["agent"]
    width = len(agents.values)
    distinct, where = distinct_codes(rules.rule * width + agents.codes)
    if not view.trace.n:
        return (), where
    return tuple(
        (*rules.names[c // width], agents.values[c % width]) for c in distinct.tolist()
    ), where


def rule_fit() -> CacheFit:
    """Nothing recorded: the dated rules alone."""
    share: dict[Key, NDArray[np.float64]] = {(): np.ones(N_KINDS)}
    return CacheFit({(): CALL_PRIOR}, {(): ENTRY_PRIOR}, share, {(): UNSEEN}, {(): 1}, 0)


def fit_cache(
    view: View, prefix: PrefixResult, rules: RuleColumns, chosen: NDArray[np.bool_] | None = None
) -> CacheFit:
    """Fit on the recorded reads of the chosen calls (default: all that reported their usage)."""
    usable = judgeable(view.trace, prefix, rules)
    rows = np.flatnonzero(usable if chosen is None else usable & chosen)
    rows = rows[:: max(1, len(rows) // _MOST_CALLS)]
    if len(rows) == 0:
        return rule_fit()
    keys, group = group_keys(view, rules)
    # From here on a row is one of the chosen calls.
    prefix, rules, group = prefix.subset(rows), rules.subset(rows), group[rows]
    reads = view.trace.cache_read[rows]
    by_key = ByKey(keys, group)
    steps = by_key.estimate(1, lambda at, up, _: learned_step(reads[at]) or up)
    shell = CacheFit({}, {}, {}, {}, steps, len(rows))
    entries = servable(prefix, rules, shell.step_tokens(keys, group, rules))
    seen = Seen.of(entries, prefix, rules, reads)
    return CacheFit(
        by_key.estimate(CALL_PRIOR, seen.any_read), by_key.estimate(ENTRY_PRIOR, seen.which),
        by_key.estimate(np.ones(N_KINDS), seen.share), by_key.estimate(UNSEEN, seen.unseen),
        steps, len(rows),
    )  # fmt: skip


def judgeable(trace: Trace, prefix: PrefixResult, rules: RuleColumns) -> NDArray[np.bool_]:
    """Calls whose recorded reads say something about the cache."""
    reported = (trace.usage_state == UsageState.REPORTED) & (trace.input_tokens > 0)
    return reported & prefix.reached & rules.warms & (trace.requests == 1)
