"""How often the provider really served what it could have: fitted on recorded reads.

A call looks at its entries from the longest down. At each there is a chance that it is read, given
that the longer ones were not. So one model tells a total miss (all fail), a full hit, and the
fall-back to an older, shorter entry; it knows kind, gap, size and how many requests covered it.
Coefficients shrink: agent to model, model to provider, provider to all, all to the dated rules.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.entries import (
    LEARNED_SLACK,
    N_KINDS,
    SIZES,
    Entries,
    call_features,
    entry_features,
    servable,
)
from costopt.billing.prompt_cache.logistic import chance, fitted
from costopt.billing.prompt_cache.prefix import PrefixResult
from costopt.billing.prompt_cache.rules import RuleColumns
from costopt.billing.prompt_cache.steps import learned_step
from costopt.model.call import UsageState
from costopt.model.trace import Trace
from costopt.model.view import View

T = TypeVar("T")
Key = tuple[str, ...]
"""(), (provider,), (provider, model) or (provider, model, agent)."""

# What the providers' pages say, as log odds. Within the lifetime nearly every call reads something,
# two lifetimes on nearly none; it is the last request that is read, an answer seldom.
_CALL_PRIOR = np.array([3.0, 2.0, -1.0, -3.0, 0.0, 0.5, 0.1] + [0.0] * SIZES)
_CALL_SPREAD = np.array([1.5, 1.5, 1.5, 1.5, 0.5, 1.0, 0.3] + [1.5] * SIZES)
_ENTRY_PRIOR = np.array([-2.0, 2.0, 0.0, 1.0, 1.0, -1.0, -2.0, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])
_ENTRY_SPREAD = np.array([1.5] * N_KINDS + [1.5, 1.5, 0.3, 0.7, 0.5, 0.5, 0.5, 0.5, 0.5])
_NEAR = (1.0, 1.0, 0.3, 0.3)
"""How far each part may stand from its parent (provider, model, agent), as a share of how far the
whole may from the rules. Providers are systems of their own; one provider's models share a system."""
_SIZES_NEAR = (1.0, 1.0, 1.0, 0.3)
"""The same for sizes: which of them are never cached is a matter of the single model."""
_CALL_NEAR = np.array([[near] * (len(_CALL_PRIOR) - SIZES) for near in _NEAR])
_CALL_NEAR = np.hstack((_CALL_NEAR, np.repeat(np.array(_SIZES_NEAR)[:, None], SIZES, axis=1)))
_ENTRY_NEAR = np.repeat(np.array(_NEAR)[:, None], len(_ENTRY_PRIOR), axis=1)
_SHARE_WEIGHT = 20.0
"""Reads that a parent's share-given-hit counts for."""
_UNSEEN = np.array([0.02, 0.5])
_UNSEEN_WEIGHT = np.array([10.0, 2.0])
"""A read of what the log does not show: seldom, but of a namespace's first call nothing is known."""
_MOST_CALLS = 100_000
"""A fit of two dozen numbers gains nothing from more; every k-th call is taken."""


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
        entries = servable(prefix, rules, self.step_tokens(keys, group, rules))
        hit, read = self._chances(keys, group, entries, prefix, rules)
        share = _stacked(self.share, keys)[group]
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
        call = _scores(
            call_features(entries, prefix, rules),
            self.any_read,
            _CALL_NEAR * _CALL_SPREAD,
            keys,
            group,
        )
        some = there.any(axis=1)
        blind = _stacked(self.unseen, keys)[group, prefix.opens.astype(np.int64)]
        hit = np.where(some, chance(call), np.where(_could_read(prefix, rules), blind, 0.0))
        x = entry_features(entries, prefix, rules)
        hazard = chance(_scores(x, self.which, _ENTRY_NEAR * _ENTRY_SPREAD, keys, group))
        hazard = np.where(there, np.where(_last_there(there), 1.0, hazard), 0.0)
        missed = np.cumprod(1.0 - hazard, axis=1)
        before = np.concatenate((np.ones((len(missed), 1)), missed[:, :-1]), axis=1)
        return hit, hit[:, None] * before * hazard

    def step_tokens(
        self, keys: tuple[Key, ...], group: NDArray[np.int64], rules: RuleColumns
    ) -> NDArray[np.int64]:
        """The rule's step where it is documented, else what the reads showed, else 1."""
        learned = np.array([_nearest(self.steps, k) for k in keys], np.int64)[group]
        return np.where(rules.step_tokens > 1, rules.step_tokens, learned)


def _scores(
    x: NDArray[np.float64], table: dict[Key, NDArray[np.float64]], spread: NDArray[np.float64],
    keys: tuple[Key, ...], group: NDArray[np.int64],
) -> NDArray[np.float64]:  # fmt: skip
    """Log odds of each row of x ([call, ..., feature]), drawn in by what is not known.

    A model that the fit never saw stands somewhere around its parent: averaged over that, a chance
    is nearer to one half (MacKay 1992, "The evidence framework applied to classification networks").
    """
    depth = np.array([len(_found(table, key)) for key in keys])
    apart = np.array([(spread[d + 1 :] ** 2).sum(axis=0) for d in depth]).reshape(-1, x.shape[-1])
    score = np.einsum("c...f,cf->c...", x, _stacked(table, keys)[group])
    variance = np.einsum("c...f,cf->c...", x**2, apart[group])
    return score / np.sqrt(1.0 + np.pi / 8.0 * variance)


def group_keys(view: View, rules: RuleColumns) -> tuple[tuple[Key, ...], NDArray[np.int64]]:
    """(provider, model, agent) of each call: the distinct ones, and the code of each call."""
    agents = view.trace.dims["agent"]
    pairs = np.stack((rules.rule, agents.codes.astype(np.int64)), axis=1)
    distinct, where = np.unique(pairs, axis=0, return_inverse=True)
    keys = tuple((*rules.names[r], agents.values[a]) for r, a in distinct.tolist())
    return keys, where.reshape(-1) if len(pairs) else np.zeros(0, np.int64)


def rule_fit() -> CacheFit:
    """Nothing recorded: the dated rules alone."""
    share: dict[Key, NDArray[np.float64]] = {(): np.ones(N_KINDS)}
    return CacheFit({(): _CALL_PRIOR}, {(): _ENTRY_PRIOR}, share, {(): _UNSEEN}, {(): 1}, 0)


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
    by_key = _ByKey(rows, keys, group)
    reads = view.trace.cache_read
    steps = by_key.estimate(1, lambda at, up, _: learned_step(reads[at]) or up)
    shell = CacheFit({}, {}, {}, {}, steps, len(rows))
    entries = servable(prefix, rules, shell.step_tokens(keys, group, rules))
    matched = matching_entry(entries, reads, rules)
    there = entries.tokens > 0
    some: NDArray[np.bool_] = np.asarray(there.any(axis=1))
    of_call = call_features(entries, prefix, rules)
    looked = _looked_at(there, matched) & ~_last_there(there)
    of_entry = entry_features(entries, prefix, rules)
    hit: NDArray[np.bool_] = np.equal(np.arange(there.shape[1]), matched[:, None])

    def any_read(at: NDArray[np.int64], up: NDArray[np.float64], level: int) -> NDArray[np.float64]:
        at = at[some[at]]
        return fitted(of_call[at], reads[at] > 0, up, _CALL_NEAR[level] * _CALL_SPREAD)

    def which(at: NDArray[np.int64], up: NDArray[np.float64], level: int) -> NDArray[np.float64]:
        seen = looked[at]
        spread = _ENTRY_NEAR[level] * _ENTRY_SPREAD
        return fitted(of_entry[at][seen], hit[at][seen], up, spread)

    def part(at: NDArray[np.int64], up: NDArray[np.float64], _: int) -> NDArray[np.float64]:
        return _share_read(entries, matched, reads, at, up)

    blind = ~some & _could_read(prefix, rules)

    def unseen(at: NDArray[np.int64], up: NDArray[np.float64], _: int) -> NDArray[np.float64]:
        at = at[blind[at]]
        opens = prefix.opens[at].astype(np.int64)
        read, seen = np.bincount(opens, reads[at] > 0, 2), np.bincount(opens, minlength=2)
        return (read + _UNSEEN_WEIGHT * up) / (seen + _UNSEEN_WEIGHT)

    return CacheFit(
        by_key.estimate(_CALL_PRIOR, any_read), by_key.estimate(_ENTRY_PRIOR, which),
        by_key.estimate(np.ones(N_KINDS), part), by_key.estimate(_UNSEEN, unseen), steps, len(rows),
    )  # fmt: skip


def _could_read(prefix: PrefixResult, rules: RuleColumns) -> NDArray[np.bool_]:
    """Long enough, and sent to a provider that caches, whatever the log shows of earlier calls."""
    return prefix.reached & rules.warms & (prefix.input_tokens >= rules.min_tokens)


def judgeable(trace: Trace, prefix: PrefixResult, rules: RuleColumns) -> NDArray[np.bool_]:
    """Calls whose recorded reads say something about the cache."""
    reported = (trace.usage_state == UsageState.REPORTED) & (trace.input_tokens > 0)
    return reported & prefix.reached & rules.warms & (trace.requests == 1)


def matching_entry(
    entries: Entries, reads: NDArray[np.int64], rules: RuleColumns
) -> NDArray[np.int64]:
    """[call]: the shortest entry that holds the read, else the longest; -1: no read.

    Where the step is not documented, counts scatter around the learned one: 3 % are granted.
    """
    slack = np.where(rules.step_tokens > 1, 1.0, LEARNED_SLACK)[:, None]
    there = entries.tokens > 0
    columns = np.arange(entries.tokens.shape[1])
    holds = there & (entries.tokens * slack >= reads[:, None])
    shortest = np.where(holds, columns, -1).max(axis=1)
    longest = np.where(there.any(axis=1), there.argmax(axis=1), -1)
    return np.where(reads > 0, np.where(shortest >= 0, shortest, longest), -1)


def _looked_at(there: NDArray[np.bool_], matched: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Entries of the calls that read something, down to the one that was read."""
    return there & (np.arange(there.shape[1]) <= matched[:, None])


def _last_there(there: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The shortest entry of each call: read for certain once no longer one was."""
    behind = np.cumsum(there[:, ::-1], axis=1)[:, ::-1]
    return there & (behind == 1)


def _share_read(
    entries: Entries, matched: NDArray[np.int64], reads: NDArray[np.int64],
    at: NDArray[np.int64], up: NDArray[np.float64],
) -> NDArray[np.float64]:  # fmt: skip
    """Per kind: tokens read of each token of the entry, with the parent's as so many more reads."""
    rows = at[matched[at] >= 0]
    kind = entries.kind[rows, matched[rows]]
    size = entries.tokens[rows, matched[rows]].astype(np.float64)
    read = np.bincount(kind, weights=reads[rows], minlength=N_KINDS)
    held = np.bincount(kind, weights=size, minlength=N_KINDS)
    prior = _SHARE_WEIGHT * (float(size.mean()) if len(size) else 1.0)
    return (read + prior * up) / (held + prior)


class _ByKey:
    """Estimates everything, then each part of it, each starting from its parent's answer."""

    def __init__(
        self, rows: NDArray[np.int64], keys: tuple[Key, ...], group: NDArray[np.int64]
    ) -> None:
        self.members: dict[Key, NDArray[np.int64]] = {(): rows}
        for depth in (1, 2, 3):
            codes: dict[Key, list[int]] = {}
            for code, key in enumerate(keys):
                codes.setdefault(key[:depth], []).append(code)
            for key in sorted(codes):
                own = rows[np.isin(group[rows], codes[key])]
                if len(own):
                    self.members[key] = own

    def estimate(self, start: T, one: Callable[[NDArray[np.int64], T, int], T]) -> dict[Key, T]:
        found: dict[Key, T] = {(): one(self.members[()], start, 0)}
        for key, own in self.members.items():
            if key:
                found[key] = one(own, found[key[:-1]], len(key))
        return found


def _stacked(table: dict[Key, NDArray[np.float64]], keys: tuple[Key, ...]) -> NDArray[np.float64]:
    """[key, coefficient]"""
    width = len(table[()])
    return np.array([_nearest(table, key) for key in keys]).reshape(-1, width)


def _nearest(table: dict[Key, T], key: Key) -> T:
    """The entry of the key, else of its nearest ancestor."""
    return table[_found(table, key)]


def _found(table: dict[Key, T], key: Key) -> Key:
    while key not in table:
        key = key[:-1]
    return key
