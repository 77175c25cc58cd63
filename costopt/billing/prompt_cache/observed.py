"""What the recorded reads of the chosen calls say of each part of the cache model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.entries import (
    LEARNED_SLACK,
    N_KINDS,
    Entries,
    call_features,
    entry_features,
)
from costopt.billing.prompt_cache.logistic import fitted, fitted_near
from costopt.billing.prompt_cache.prefix import PrefixResult
from costopt.billing.prompt_cache.priors import (
    CALL_SPREAD,
    ENTRY_SPREAD,
    SHARE_WEIGHT,
    UNSEEN_WEIGHT,
)
from costopt.billing.prompt_cache.rules import RuleColumns

Rows = NDArray[np.int64]
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Seen:
    """One row a chosen call. Each method fits rows `at`, near the parent's answer `up`."""

    entries: Entries
    reads: NDArray[np.int64]  # [call]
    some: NDArray[np.bool_]  # [call]: it had an entry to read
    blind: NDArray[np.bool_]  # [call]: it had none, but was long enough for one
    opens: NDArray[np.int64]  # [call]: 1: first of its namespace
    matched: NDArray[np.int64]  # [call]: the entry that was read; -1: none
    looked: NDArray[np.bool_]  # [call, entry]: it was decided here whether this one is read
    of_call: Numbers  # [call, feature]
    of_entry: Numbers  # [call, entry, feature]

    @classmethod
    def of(
        cls, entries: Entries, prefix: PrefixResult, rules: RuleColumns, reads: NDArray[np.int64]
    ) -> Seen:
        """All that the four fits look at."""
        there, matched = entries.tokens > 0, matching_entry(entries, reads, rules)
        some = np.asarray(there.any(axis=1))
        return cls(
            entries, reads, some, ~some & could_read(prefix, rules), prefix.opens.astype(np.int64),
            matched, _looked_at(there, matched) & ~last_there(there),
            call_features(entries, prefix, rules), entry_features(entries, prefix, rules),
        )  # fmt: skip

    def any_read(self, at: Rows, up: Numbers, level: int) -> Numbers:
        at = at[self.some[at]]
        fit = fitted_near if level else fitted
        return fit(self.of_call[at], self.reads[at] > 0, up, CALL_SPREAD)

    def which(self, at: Rows, up: Numbers, level: int) -> Numbers:
        looked = self.looked[at]
        hit = np.equal(np.arange(looked.shape[1]), self.matched[at][:, None])
        fit = fitted_near if level else fitted
        return fit(self.of_entry[at][looked], hit[looked], up, ENTRY_SPREAD)

    def share(self, at: Rows, up: Numbers, level: int) -> Numbers:
        """Per kind: tokens read of each token of the entry, the parent's as so many more reads."""
        rows = at[self.matched[at] >= 0]
        kind = self.entries.kind[rows, self.matched[rows]]
        size = self.entries.tokens[rows, self.matched[rows]].astype(np.float64)
        read = np.bincount(kind, weights=self.reads[rows], minlength=N_KINDS)
        held = np.bincount(kind, weights=size, minlength=N_KINDS)
        prior = SHARE_WEIGHT * (float(size.mean()) if len(size) else 1.0)
        return (read + prior * up) / (held + prior)

    def unseen(self, at: Rows, up: Numbers, level: int) -> Numbers:
        at = at[self.blind[at]]
        read = np.bincount(self.opens[at], self.reads[at] > 0, 2)
        return (read + UNSEEN_WEIGHT * up) / (
            np.bincount(self.opens[at], minlength=2) + UNSEEN_WEIGHT
        )


def could_read(prefix: PrefixResult, rules: RuleColumns) -> NDArray[np.bool_]:
    """Long enough, and sent to a provider that caches, whatever the log shows of earlier calls."""
    return prefix.reached & rules.warms & (prefix.input_tokens >= rules.min_tokens)


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


def last_there(there: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The shortest entry of each call: read for certain once no longer one was."""
    behind = np.cumsum(there[:, ::-1], axis=1)[:, ::-1]
    return there & (behind == 1)
