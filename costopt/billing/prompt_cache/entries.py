"""The entries of a call as a cache could serve them: floored, told apart, described by numbers.

Two entries that floor to one count cannot be told apart by a log: they are one, as fresh as the
fresher of the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.prefix import COLUMNS, NO_GAP, PrefixResult
from costopt.billing.prompt_cache.rules import RuleColumns


class EntryKind(IntEnum):
    """Who left the entry behind."""

    ANSWER = 0
    """The session's last answer: written while it was generated, not a request yet."""
    OWN_LAST = 1
    """The session's longest earlier request (or part of it)."""
    OWN_OLDER = 2
    """A shorter one: read when the last was lost or not yet committed."""
    OTHERS_FIRST = 3
    """Another session's, on the first call of this one."""
    OTHERS_LATER = 4
    """Another session's, when none of the own entries was read."""


LEARNED_SLACK = 1.03
"""How far a count may stand off a multiple of a step that is learned, not documented."""
N_KINDS = len(EntryKind)
SIZES = 8
"""Octaves of request size from below 2,048 tokens to above 131,072. Providers serve sizes apart:
some octaves of a model may never be cached at all."""
CALL_FEATURES = (
    "some_own", "only_others", "gap_within_life", "gap_beyond_life", "request_size",
    "above_minimum", "covered_by", *(f"size_{octave}" for octave in range(SIZES)),
)  # fmt: skip
ENTRY_FEATURES = (
    *(kind.name.lower() for kind in EntryKind),
    "gap_within_life", "gap_beyond_life", "covered_by", "covered_once", "tried_before",
    "last_by_size", "older_by_size", "below_longest", "above_next",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Entries:
    """One row a call, one column an entry, longest first; `tokens` 0 where there is none."""

    tokens: NDArray[np.int64]  # [call, entry]: what a read of it would report
    kind: NDArray[np.int8]  # [call, entry], EntryKind
    gap_us: NDArray[np.int64]  # [call, entry]
    count: NDArray[np.int32]  # [call, entry]
    step: NDArray[np.int64]  # [call]: granularity of what a read reports


def servable(prefix: PrefixResult, rules: RuleColumns, step_tokens: NDArray[np.int64]) -> Entries:
    """Entries that are long enough, in whole steps. `step_tokens`: [call], learned or the rule's."""
    alive = prefix.reached & rules.warms
    step = step_tokens[:, None]
    # A learned step is a mean: blocks of one text are a little shorter than those of another.
    slack = np.where(rules.step_tokens > 1, 1.0, LEARNED_SLACK)[:, None]
    whole = np.floor(prefix.entry_tokens * slack / step).astype(np.int64) * step
    tokens = np.where(step > 1, np.minimum(whole, prefix.entry_tokens), prefix.entry_tokens)
    tokens = np.where((tokens >= rules.min_tokens[:, None]) & alive[:, None], tokens, 0)
    gap, count = prefix.entry_gap_us.copy(), prefix.entry_count.copy()
    _merge_equal(tokens, gap, count)
    return Entries(tokens, _kinds(tokens, count, prefix.entry_own), gap, count, step_tokens)


def _merge_equal(
    tokens: NDArray[np.int64], gap: NDArray[np.int64], count: NDArray[np.int32]
) -> None:
    """In place: an entry not shorter than one before it joins that one."""
    calls = np.arange(len(tokens))
    last = np.full(len(tokens), -1)
    for column in range(COLUMNS):
        there = tokens[:, column] > 0
        joins = there & (last >= 0) & (tokens[:, column] >= tokens[calls, last])
        rows, into = calls[joins], last[joins]
        gap[rows, into] = _fresher(gap[rows, into], gap[rows, column])
        count[rows, into] = np.maximum(count[rows, into], count[rows, column])
        tokens[rows, column] = 0
        last = np.where(there & ~joins, column, last)


def _fresher(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    known = (first != NO_GAP) & (second != NO_GAP)
    return np.where(known, np.minimum(first, second), np.maximum(first, second))


def _kinds(
    tokens: NDArray[np.int64], count: NDArray[np.int32], own: NDArray[np.bool_]
) -> NDArray[np.int8]:
    kind = np.zeros(tokens.shape, np.int8)
    own_seen = np.zeros(len(tokens), np.bool_)
    asked_seen = np.zeros(len(tokens), np.bool_)
    for column in range(COLUMNS):
        there, mine = tokens[:, column] > 0, own[:, column]
        asked = count[:, column] > 0
        mine_kind = np.where(
            ~asked, EntryKind.ANSWER, np.where(asked_seen, EntryKind.OWN_OLDER, EntryKind.OWN_LAST)
        )
        other_kind = np.where(own_seen, EntryKind.OTHERS_LATER, EntryKind.OTHERS_FIRST)
        kind[:, column] = np.where(mine, mine_kind, other_kind)
        own_seen |= there & mine
        asked_seen |= there & mine & asked
    return kind


def call_features(
    entries: Entries, prefix: PrefixResult, rules: RuleColumns
) -> NDArray[np.float64]:  # [call, feature]
    """What the chance of any read depends on. Sizes and gaps in octaves, so that slopes transfer."""
    there = entries.tokens > 0
    own = (there & (entries.kind <= EntryKind.OWN_OLDER)).any(axis=1)
    freshest = np.where(there, _known_gap(entries.gap_us), np.iinfo(np.int64).max).min(axis=1)
    within, beyond = _gap(np.where(there.any(axis=1), freshest, 0), rules.lifetime_us)
    size, octave = _size(prefix), _octave(prefix.input_tokens, entries.step)
    longest = entries.tokens.max(axis=1)
    counted = np.where(there, entries.count, 0).max(axis=1)
    return np.stack((
        own, ~own, within, beyond, size,
        np.clip(np.log2(np.maximum(longest, 1) / np.maximum(rules.min_tokens, 1)), 0.0, 1.0),
        _octaves(counted), *(octave == k for k in range(SIZES)),
    ), axis=1).astype(np.float64)  # fmt: skip


def entry_features(
    entries: Entries, prefix: PrefixResult, rules: RuleColumns
) -> NDArray[np.float64]:  # [call, entry, feature]
    """What decides which entry is read, once something is."""
    there = entries.tokens > 0
    size = np.broadcast_to(_size(prefix)[:, None], there.shape)
    within, beyond = _gap(_known_gap(entries.gap_us), rules.lifetime_us[:, None])
    kinds = [entries.kind == kind for kind in EntryKind]
    older = entries.kind == EntryKind.OWN_OLDER
    columns = (
        *kinds, within, beyond, _octaves(entries.count), entries.count <= 1,
        np.minimum(np.cumsum(there, axis=1) - there, 3),
        np.where(kinds[EntryKind.OWN_LAST], size, 0.0), np.where(older, size, 0.0),
        _thousands(entries.tokens.max(axis=1, keepdims=True) - entries.tokens),
        _thousands(entries.tokens - _next_tokens(entries.tokens)),
    )  # fmt: skip
    return np.stack(columns, axis=2).astype(np.float64)


def _next_tokens(tokens: NDArray[np.int64]) -> NDArray[np.int64]:
    """Length of the next shorter entry; 0: none."""
    shorter = np.zeros_like(tokens)
    shorter[:, :-1] = np.maximum.accumulate(tokens[:, :0:-1], axis=1)[:, ::-1]
    return shorter


def _thousands(tokens: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.log2(1.0 + np.maximum(tokens, 0) / 1024.0)


def _known_gap(gap_us: NDArray[np.int64]) -> NDArray[np.int64]:
    """A log without times: taken as at once, which its fit then absorbs."""
    return np.where(gap_us == NO_GAP, 0, gap_us)


def _gap(
    gap_us: NDArray[np.int64], lifetime_us: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share of the lifetime's octaves that have passed, and octaves beyond it."""
    life_s, gap_s = np.maximum(lifetime_us, 1_000_000) / 1e6, gap_us / 1e6
    within = np.log2(1.0 + np.clip(gap_s, 0.0, life_s)) / np.log2(1.0 + life_s)
    return within, np.clip(np.log2(np.maximum(gap_s, 1e-6) / life_s), 0.0, 6.0)


def _size(prefix: PrefixResult) -> NDArray[np.float64]:
    return np.clip(np.log2(np.maximum(prefix.input_tokens, 1) / 2048.0), -2.0, 7.0)


def _octave(input_tokens: NDArray[np.int64], step: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which octave of 1,024 tokens; its borders stand at whole steps (2,000 for a step of 2,000)."""
    whole = np.floor(np.log2(np.maximum(input_tokens, 1) / step) + 1e-9)
    return np.clip(whole + np.rint(np.log2(step / 1024.0)), 0, SIZES - 1).astype(np.int64)


def _octaves(count: NDArray[np.int32]) -> NDArray[np.float64]:
    return np.log2(np.maximum(count, 1)).clip(0.0, 6.0)
