"""What the fitted model expects of every call, as numba compiles it: `CacheFit.served_plain` by calls.

Two dozen features a call and fourteen an entry are never written down: each is used where it is made.
"""

from __future__ import annotations

import numpy as np

from costopt.billing.prompt_cache.compiled import I4, I8, Flags, _jit
from costopt.billing.prompt_cache.compiled_entries import F8
from costopt.billing.prompt_cache.entries import LEARNED_SLACK, N_KINDS, SIZES, EntryKind
from costopt.billing.prompt_cache.forest import LEVELS

_COLUMNS = 1 + LEVELS
_ANSWER, _LAST, _OLDER = int(EntryKind.ANSWER), int(EntryKind.OWN_LAST), int(EntryKind.OWN_OLDER)
_FIRST, _LATER = int(EntryKind.OTHERS_FIRST), int(EntryKind.OTHERS_LATER)
_CALL_BEFORE_SIZES, _NO_GAP = 7, -1


@_jit
def clipped(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


@_jit
def within_life(gap_us: int, life_s: float) -> float:
    """First half of `entries._gap`."""
    return np.log2(1.0 + clipped(gap_us / 1e6, 0.0, life_s)) / np.log2(1.0 + life_s)


@_jit
def beyond_life(gap_us: int, life_s: float) -> float:
    """Second half of `entries._gap`."""
    return clipped(np.log2(max(gap_us / 1e6, 1e-6) / life_s), 0.0, 6.0)


@_jit
def thousands(tokens: int) -> float:
    return np.log2(1.0 + max(tokens, 0) / 1024.0)


@_jit
def octaves(count: int) -> float:
    return clipped(np.log2(float(max(count, 1))), 0.0, 6.0)


@_jit
def odds(x: F8, weights: F8, apart: F8) -> float:
    """The chance by `hierarchy.scores` and `logistic.chance`."""
    score, variance = 0.0, 0.0
    for i in range(len(x)):
        score += x[i] * weights[i]
        variance += x[i] * x[i] * apart[i]
    score = score / np.sqrt(1.0 + np.pi / 8.0 * variance)
    return 1.0 / (1.0 + np.exp(-clipped(score, -30.0, 30.0)))


@_jit
def floored(
    call: int, entry_tokens: I8, entry_gap: I8, entry_count: I4, alive: bool, rule_step: int,
    step: int, least: int, tokens: I8, gap: I8, count: I4,
) -> None:  # fmt: skip
    """`entries.servable`: in whole steps, long enough, equal ones joined."""
    slack, last = 1.0 if rule_step > 1 else LEARNED_SLACK, -1
    for column in range(_COLUMNS):
        size = entry_tokens[call, column]
        gap[column], count[column] = entry_gap[call, column], entry_count[call, column]
        if step > 1:
            size = min(np.int64(np.floor(size * slack / step)) * step, size)
        if not alive or size < least:
            size = 0
        tokens[column] = size
        if size <= 0:
            continue
        if last < 0 or size < tokens[last]:
            last = column
            continue
        both = gap[last] != _NO_GAP and gap[column] != _NO_GAP
        gap[last] = min(gap[last], gap[column]) if both else max(gap[last], gap[column])
        count[last] = max(count[last], count[column])
        tokens[column] = 0


@_jit
def kinds_of(tokens: I8, count: I4, own: Flags, kind: I8) -> None:
    """`entries._kinds`."""
    own_seen, asked_seen = False, False
    for column in range(_COLUMNS):
        asked, mine = count[column] > 0, own[column]
        if mine and not asked:
            kind[column] = _ANSWER
        elif mine:
            kind[column] = _OLDER if asked_seen else _LAST
        else:
            kind[column] = _LATER if own_seen else _FIRST
        if tokens[column] > 0 and mine:
            own_seen, asked_seen = True, asked_seen or asked


@_jit
def any_read(
    tokens: I8, gap: I8, count: I4, kind: I8, input_tokens: int, step: int, least: int,
    life_s: float, x: F8,
) -> None:  # fmt: skip
    """`entries.call_features` into `x`."""
    own, longest, counted, freshest = False, 0, 0, np.iinfo(np.int64).max
    for column in range(_COLUMNS):
        if tokens[column] > 0:
            own = own or kind[column] <= _OLDER
            longest, counted = max(longest, tokens[column]), max(counted, count[column])
            freshest = min(freshest, 0 if gap[column] == _NO_GAP else gap[column])
    freshest = freshest if longest > 0 else 0
    x[:] = 0.0
    x[0], x[1] = (1.0, 0.0) if own else (0.0, 1.0)
    x[2], x[3] = within_life(freshest, life_s), beyond_life(freshest, life_s)
    x[4] = clipped(np.log2(max(input_tokens, 1) / 2048.0), -2.0, 7.0)
    x[5] = clipped(np.log2(max(longest, 1) / max(least, 1)), 0.0, 1.0)
    x[6] = octaves(counted)
    octave = np.floor(np.log2(max(input_tokens, 1) / step) + 1e-9) + np.rint(np.log2(step / 1024.0))
    x[_CALL_BEFORE_SIZES + int(clipped(octave, 0, SIZES - 1))] = 1.0


@_jit
def chances(
    tokens: I8, gap: I8, count: I4, kind: I8, input_tokens: int, life_s: float, weights: F8,
    apart: F8, x: F8, hazard: F8,
) -> None:  # fmt: skip
    """Chance that each entry is read, given that no longer one was: `entries.entry_features`."""
    size = clipped(np.log2(max(input_tokens, 1) / 2048.0), -2.0, 7.0)
    longest, tried, last = 0, 0, -1
    for column in range(_COLUMNS):
        hazard[column] = 0.0
        if tokens[column] > 0:
            longest, last = max(longest, tokens[column]), column
    for column in range(_COLUMNS):
        if tokens[column] <= 0:
            continue
        if column == last:
            hazard[column] = 1.0
            return
        shorter = 0
        for behind in range(column + 1, _COLUMNS):
            shorter = max(shorter, tokens[behind])
        since = 0 if gap[column] == _NO_GAP else gap[column]
        x[:] = 0.0
        x[kind[column]] = 1.0
        x[N_KINDS], x[N_KINDS + 1] = within_life(since, life_s), beyond_life(since, life_s)
        x[N_KINDS + 2], x[N_KINDS + 3] = octaves(count[column]), 1.0 if count[column] <= 1 else 0.0
        x[N_KINDS + 4] = min(tried, 3)
        x[N_KINDS + 5] = size if kind[column] == _LAST else 0.0
        x[N_KINDS + 6] = size if kind[column] == _OLDER else 0.0
        x[N_KINDS + 7] = thousands(longest - tokens[column])
        x[N_KINDS + 8] = thousands(tokens[column] - shorter)
        hazard[column] = odds(x, weights, apart)
        tried += 1


@_jit
def serve_all(
    entry_tokens: I8, entry_gap: I8, entry_count: I4, entry_own: Flags, shared: I8, opens: Flags,
    reached: Flags, input_tokens: I8, warms: Flags, rule_step: I8, least: I8, lifetime_us: I8,
    group: I8, step_of: I8, call_weights: F8, call_apart: F8, entry_weights: F8, entry_apart: F8,
    share: F8, unseen: F8, asked: Flags, mean: F8, variance: F8, hit: F8, limit: I8,
) -> None:  # fmt: skip
    """Of the calls asked: expected tokens, variance, chance of any read, the most that one could be."""
    tokens, gap = np.zeros(_COLUMNS, np.int64), np.zeros(_COLUMNS, np.int64)
    count, kind = np.zeros(_COLUMNS, np.int32), np.zeros(_COLUMNS, np.int64)
    of_call, of_entry = np.zeros(call_weights.shape[1]), np.zeros(entry_weights.shape[1])
    hazard = np.zeros(_COLUMNS)
    for call in range(len(group)):
        if not asked[call]:
            continue
        key, size = group[call], input_tokens[call]
        alive = reached[call] and warms[call]
        step = rule_step[call] if rule_step[call] > 1 else step_of[key]
        floored(
            call, entry_tokens, entry_gap, entry_count, alive, rule_step[call], step, least[call],
            tokens, gap, count,
        )  # fmt: skip
        longest = tokens.max()
        limit[call] = min(longest, shared[call])
        if longest <= 0:
            if alive and size >= least[call]:
                hit[call] = unseen[key, 1 if opens[call] else 0]
            continue
        life_s = max(lifetime_us[call], 1_000_000) / 1e6
        kinds_of(tokens, count, entry_own[call], kind)
        any_read(tokens, gap, count, kind, size, step, least[call], life_s, of_call)
        hit[call] = odds(of_call, call_weights[key], call_apart[key])
        chances(
            tokens, gap, count, kind, size, life_s, entry_weights[key], entry_apart[key], of_entry,
            hazard,
        )  # fmt: skip
        left, first, second = 1.0, 0.0, 0.0
        for column in range(_COLUMNS):
            if tokens[column] > 0:
                read = hit[call] * left * hazard[column]
                size_read = tokens[column] * share[key, kind[column]]
                first += read * size_read
                second += read * size_read * size_read
                left *= 1.0 - hazard[column]
        mean[call], variance[call] = first, max(second - first * first, 0.0)
