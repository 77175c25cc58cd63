"""Positions and entries of every call as numba compiles them; imported only where numba is installed.

Same answers as `lengths.measure` and `prefix.plain_result`, call by call instead of column by column:
a column over a million calls and nine entries is read and written again at every step.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.compiled import I4, I8, Flags, _jit
from costopt.billing.prompt_cache.forest import LEVELS, OWN_LEVELS
from costopt.model.trace import NO_TIME

F8 = NDArray[np.float64]
U1 = NDArray[np.uint8]
_PARTIAL, _OTHERS, _NO_GAP = 0, 1 + OWN_LEVELS, -1
_SAME = 0.98  # breakpoints._SAME


@_jit
def running_counts(row: I8, tables: I4, made: I8, offsets: I8, ids: I4, out: F8) -> int:
    """Counted tokens before each use, over all calls; gives how many uses have no count yet.

    `row`: [call], into `tables` [model, segment]; `made`: tokens of the segments behind those.
    """
    total, missing, known = np.int64(0), 0, tables.shape[1]
    for call in range(len(row)):
        table = tables[row[call]]
        for use in range(offsets[call], offsets[call + 1]):
            seg = ids[use]
            count = np.int64(table[seg]) if seg < known else made[seg - known]
            if count < 0:
                missing, count = missing + 1, 0
            total += count
            out[use + 1] = total
    return missing


@_jit
def uncounted(row: I8, tables: I4, offsets: I8, ids: I4, out: Flags) -> None:
    """Marks the (model, segment) pairs whose count is asked for the first time."""
    for call in range(len(row)):
        for use in range(offsets[call], offsets[call + 1]):
            seg = ids[use]
            if seg < tables.shape[1] and tables[row[call], seg] < 0:
                out[row[call], seg] = True


@_jit
def gap_between(at: int, last: int) -> int:
    """`prefix.gaps`."""
    if at == NO_TIME or last == NO_TIME:
        return _NO_GAP
    return at - last


@_jit
def position(call: int, depth: int, offsets: I8, running: F8, hidden: I8, scale: F8) -> float:
    """`Lengths.at`."""
    start = offsets[call]
    return hidden[call] + scale[call] * (running[start + max(depth, 0)] - running[start])


@_jit
def cut_to_mark(
    tokens: int, depth: int, sender: int, last_mark: I4, flags: U1, kept: I8, offsets: I8,
    running: F8, hidden: I8, scale: F8,
) -> int:  # fmt: skip
    """`breakpoints.cut_to_marks` for one entry."""
    if tokens <= 0 or sender < 0:
        return 0
    start, end = offsets[sender], offsets[sender + 1]
    if end > start and last_mark[sender] >= 0:
        if depth <= 0:
            return 0
        at = min(min(depth - 1, end - start - 1), last_mark[sender])
        while at >= 0 and flags[start + at] == 0:
            at -= 1
        if at < 0:
            return 0
        place = np.floor(position(sender, at + 1, offsets, running, hidden, scale))
        return min(int(place), tokens)
    if kept[sender] <= 0:
        return 0
    if tokens >= _SAME * kept[sender]:
        return min(kept[sender], tokens)
    return min(tokens, hidden[sender])


@_jit
def last_marks(offsets: I8, flags: U1) -> I4:
    """[call]: place of the last mark in its request; -1: none."""
    out = np.full(len(offsets) - 1, -1, np.int32)
    for call in range(len(out)):
        for use in range(offsets[call + 1] - 1, offsets[call] - 1, -1):
            if flags[use] != 0:
                out[call] = use - offsets[call]
                break
    return out


@_jit
def breaks(previous: I4, same: I4, has_content: Flags, offsets: I8, ids: I4, most: int) -> I8:
    """`prefix._breaks`: the text behind the difference is marked in a table, call by call."""
    out = np.full(len(previous), -1, np.int64)
    seen_by = np.full(most + 1, -1, np.int64)
    for call in range(len(previous)):
        before = previous[call]
        if before < 0 or not has_content[call]:
            continue
        old, old_end = offsets[before] + same[call], offsets[before + 1]
        new, new_end = offsets[call] + same[call], offsets[call + 1]
        if old >= old_end or new >= new_end:
            continue
        for use in range(old, old_end):
            seen_by[ids[use]] = call
        for use in range(new + 1, new_end):
            if seen_by[ids[use]] == call:
                out[call] = new
                break
    return out


@_jit
def level_entries(
    call: int, depth: I4, count_of: I4, last_us: I8, source_of: I4, anchor_depth: I4,
    anchor_tokens: I8, at: int, offsets: I8, running: F8, hidden: I8, scale: F8, tokens: I8,
    gap: I8, count: I4, own: Flags, sources: I4,
) -> int:  # fmt: skip
    """The whole segments that each level shares; gives the deepest."""
    deepest = 0
    for level in range(LEVELS):
        column, d = 1 + level, depth[call, level]
        deepest = max(deepest, d)
        gap[call, column] = gap_between(at, last_us[call, level])
        count[call, column], sources[column] = count_of[call, level], source_of[call, level]
        own[call, column] = column < _OTHERS
        if d >= 0:
            length = position(call, d, offsets, running, hidden, scale)
            if anchor_tokens[call, level] >= 0:
                above = anchor_depth[call, level]
                anchor = position(call, above, offsets, running, hidden, scale)
                length = (anchor_tokens[call, level] + length) - anchor
            tokens[call, column] = np.int64(np.floor(length + 1e-6))
    return deepest


@_jit
def cut_entries(
    call: int, depth: I4, sources: I4, last_mark: I4, flags: U1, kept: I8, offsets: I8,
    running: F8, hidden: I8, scale: F8, tokens: I8,
) -> None:  # fmt: skip
    """`prefix._only_marked` for one call."""
    tokens[call, _PARTIAL] = 0
    for level in range(LEVELS):
        tokens[call, 1 + level] = cut_to_mark(
            tokens[call, 1 + level], depth[call, level], sources[1 + level], last_mark, flags,
            kept, offsets, running, hidden, scale,
        )  # fmt: skip


@_jit
def longest_in(tokens: I8) -> int:
    """The first of the longest entries."""
    longest = 0
    for column in range(1, len(tokens)):
        if tokens[column] > tokens[longest]:
            longest = column
    return longest


@_jit
def entries_of(
    depth: I4, count_of: I4, last_us: I8, source_of: I4, anchor_depth: I4, anchor_tokens: I8,
    ideal_depth: I4, ideal_anchor: I8, previous: I4, part_tokens: I8, part_last: I8, part_source: I4,
    at_us: I8, session: I4, input_tokens: I8, has_content: Flags, marked: Flags, kept: I8,
    last_mark: I4, flags: U1, offsets: I8, running: F8, hidden: I8, scale: F8,
    tokens: I8, gap: I8, count: I4, own: Flags, source: I4, shared: I8, shared_gap: I8, ideal: I8,
) -> None:  # fmt: skip
    """Fills the entry columns of a `PrefixResult`, one call after the other."""
    sources = np.empty(1 + LEVELS, np.int32)
    for call in range(len(at_us)):
        at, part, other = at_us[call], scale[call] * part_tokens[call], part_source[call]
        deepest = level_entries(
            call, depth, count_of, last_us, source_of, anchor_depth, anchor_tokens, at, offsets,
            running, hidden, scale, tokens, gap, count, own, sources,
        )  # fmt: skip
        gap[call, _PARTIAL] = gap_between(at, part_last[call])
        count[call, _PARTIAL], sources[_PARTIAL] = 1, other
        own[call, _PARTIAL] = other >= 0 and session[max(other, 0)] == session[call]
        if part_tokens[call] > 0:
            length = position(call, deepest, offsets, running, hidden, scale) + part
            tokens[call, _PARTIAL] = np.int64(np.floor(length + 1e-6))
        before = previous[call]
        if before >= 0 and not has_content[call]:
            tokens[call] = 0
            tokens[call, 1], gap[call, 1] = input_tokens[before], gap_between(at, at_us[before])
            count[call, 1], sources[1] = 1, before
        tokens[call] = np.minimum(tokens[call], input_tokens[call])
        if marked[call]:
            cut_entries(
                call,
                depth,
                sources,
                last_mark,
                flags,
                kept,
                offsets,
                running,
                hidden,
                scale,
                tokens,
            )
        longest = longest_in(tokens[call])
        shared[call] = tokens[call, longest]
        if shared[call] > 0:
            source[call], shared_gap[call] = sources[longest], gap[call, longest]
        whole = 0.0
        if ideal_depth[call] >= 0:
            whole = position(call, ideal_depth[call], offsets, running, hidden, scale)
            if ideal_anchor[call] >= 0:
                whole = ideal_anchor[call] * 1.0
        ideal[call] = min(np.int64(np.floor(whole + part + 1e-6)), input_tokens[call])


@_jit
def differing(
    a_offsets: I8, a_ids: I4, a_flags: U1, b_offsets: I8, b_ids: I4, b_flags: U1
) -> Flags:  # fmt: skip
    """Rows of two ragged columns that are not equal."""
    out = np.zeros(len(a_offsets) - 1, np.bool_)
    for row in range(len(out)):
        a, b = a_offsets[row], b_offsets[row]
        size = a_offsets[row + 1] - a
        if size != b_offsets[row + 1] - b:
            out[row] = True
            continue
        for i in range(size):
            if a_ids[a + i] != b_ids[b + i] or a_flags[a + i] != b_flags[b + i]:
                out[row] = True
                break
    return out


@_jit
def unlike_entries(
    a_tokens: I8, a_gap: I8, a_count: I4, b_tokens: I8, b_gap: I8, b_count: I4
) -> Flags:
    """`model.other_entries`."""
    out = np.zeros(len(a_tokens), np.bool_)
    for call in range(len(a_tokens)):
        for column in range(a_tokens.shape[1]):
            there = a_tokens[call, column] > 0
            if a_tokens[call, column] != b_tokens[call, column] or (
                there
                and (
                    a_gap[call, column] != b_gap[call, column]
                    or a_count[call, column] != b_count[call, column]
                )
            ):
                out[call] = True
                break
    return out


@_jit
def taken(
    rows: I8, offsets: I8, ids: I4, flags: U1, new_offsets: I8, new_ids: I4, new_flags: U1
) -> None:  # fmt: skip
    """Copies these rows of a ragged column one behind the other."""
    for i in range(len(rows)):
        start, place = offsets[rows[i]], new_offsets[i]
        for j in range(new_offsets[i + 1] - place):
            new_ids[place + j], new_flags[place + j] = ids[start + j], flags[start + j]
