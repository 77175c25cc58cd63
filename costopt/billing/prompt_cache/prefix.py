"""What each call of a view shares with what was sent before it: tokens, gap, and from which call."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.breakpoints import cut_to_marks, kept_tokens, marked_depth
from costopt.billing.prompt_cache.forest import LEVELS, OWN_LEVELS, Walk
from costopt.billing.prompt_cache.lengths import Lengths
from costopt.billing.prompt_cache.namespace import reaches_provider
from costopt.billing.prompt_cache.partial import Partial
from costopt.billing.prompt_cache.rules import RuleColumns
from costopt.model.leaf import INPUT
from costopt.model.trace import NO_TIME, Trace
from costopt.model.view import View

PARTIAL = 0
"""Column of the entry that ends inside a segment; the walk's levels follow."""
COLUMNS = 1 + LEVELS
OTHERS = 1 + OWN_LEVELS
"""From this column on, entries are those that other sessions sent."""
NO_GAP = -1
"""The gap is unknown: the log has no times."""


@dataclass(frozen=True, slots=True)
class PrefixResult:
    """The entries that could serve each call, longest first within own and within others'."""

    entry_tokens: NDArray[np.int64]  # [call, entry]: length of the entry; 0: there is none
    entry_gap_us: NDArray[np.int64]  # [call, entry]: since its last use; NO_GAP: unknown
    entry_count: NDArray[np.int32]  # [call, entry]: requests that covered it
    entry_own: NDArray[np.bool_]  # [call, entry]: an earlier call of the session sent it
    source_call: NDArray[np.int32]  # [call]: that sent the longest entry last; -1: none
    shared_tokens: NDArray[np.int64]  # [call]: length of the longest readable entry
    gap_us: NDArray[np.int64]  # [call]: since its last use
    ideal_tokens: NDArray[np.int64]  # [call]: with any earlier request, without expiry
    first_of_session: NDArray[np.bool_]  # [call]: first of its session in its namespace
    opens: NDArray[
        np.bool_
    ]  # [call]: first of all in its namespace; what came before is not logged
    concurrent: NDArray[np.bool_]  # [call]: a longer entry was on its way, not yet readable
    break_use: NDArray[np.int64]  # [call]: first use that leaves the session's last request; -1
    assumed: NDArray[np.bool_]  # [call]: no content in the log, growth of the session assumed
    reached: NDArray[np.bool_]  # [call]: the provider saw it
    input_tokens: NDArray[np.int64]  # [call]

    def subset(self, rows: NDArray[np.int64] | slice) -> PrefixResult:
        """The same columns for some of the calls."""
        return PrefixResult(*(getattr(self, name)[rows] for name in self.__slots__))


def begins_us(trace: Trace) -> NDArray[np.int64]:  # [call]
    """From the request to the first byte of its answer; the whole latency where only that is known."""
    begins = np.where(np.isnan(trace.ttft_ms), trace.latency_ms, trace.ttft_ms)
    return np.where(np.isnan(begins), 0.0, np.maximum(begins, 0.0) * 1000.0).astype(np.int64)


def plain_result(
    view: View, rules: RuleColumns, found: Walk, lengths: Lengths, part: Partial
) -> PrefixResult:
    """The entries of every call, column by column: the specification of `fast.fast_result`."""
    n = view.trace.n
    calls = np.arange(n)
    tokens = np.zeros((n, COLUMNS), np.int64)
    gap = np.full((n, COLUMNS), NO_GAP, np.int64)
    count = np.zeros((n, COLUMNS), np.int32)
    source = np.full((n, COLUMNS), -1, np.int32)
    for level in range(LEVELS):
        tokens[:, 1 + level] = _level_tokens(level, calls, found, lengths)
        gap[:, 1 + level] = gaps(view.at_us, found.last_us[:, level])
    count[:, 1:], source[:, 1:] = found.count, found.source
    tokens[:, PARTIAL] = _partial_tokens(found, lengths, part, calls)
    gap[:, PARTIAL] = gaps(view.at_us, part.last_us)
    count[:, PARTIAL], source[:, PARTIAL] = 1, part.source
    _assume_growth(view, found, tokens, gap, count, source)
    tokens = np.minimum(tokens, lengths.input_tokens[:, None])
    if rules.breakpoints.any():
        _only_marked(view, rules, found, lengths, tokens, source)
    longest = np.argmax(tokens, axis=1)
    own = np.zeros((n, COLUMNS), np.bool_)
    own[:, 1:OTHERS] = True
    own[:, PARTIAL] = _same_session(view, part.source)
    reached = reaches_provider(view)
    first = reached & (found.previous < 0)
    opens = first & (found.ideal_depth < 0)
    shared = tokens[calls, longest]
    return PrefixResult(
        tokens, gap, count, own, np.where(shared > 0, source[calls, longest], -1), shared,
        np.where(shared > 0, gap[calls, longest], NO_GAP), _ideal(found, lengths, part, calls),
        first, opens, found.concurrent, _breaks(view, found),
        reached & ~view.trace.has_content, reached, lengths.input_tokens,
    )  # fmt: skip


def _level_tokens(
    level: int, calls: NDArray[np.int64], found: Walk, lengths: Lengths
) -> NDArray[np.int64]:
    """The anchor's reported length, and from there on the call's own scaled counts."""
    depth, anchor = found.depth[:, level], found.anchor_depth[:, level]
    plain = lengths.at(calls, depth)
    anchored = found.anchor_tokens[:, level] + plain - lengths.at(calls, anchor)
    tokens = np.where(found.anchor_tokens[:, level] >= 0, anchored, plain)
    return np.where(depth >= 0, np.floor(tokens + 1e-6), 0).astype(np.int64)


def _partial_tokens(
    found: Walk, lengths: Lengths, part: Partial, calls: NDArray[np.int64]
) -> NDArray[np.int64]:
    depth = np.maximum(found.depth.max(axis=1), 0)
    tokens = lengths.at(calls, depth) + lengths.scale * part.tokens
    return np.where(part.tokens > 0, np.floor(tokens + 1e-6), 0).astype(np.int64)


def _ideal(
    found: Walk, lengths: Lengths, part: Partial, calls: NDArray[np.int64]
) -> NDArray[np.int64]:
    plain = lengths.at(calls, found.ideal_depth)
    whole = np.where(found.ideal_anchor >= 0, found.ideal_anchor, plain)
    tokens = np.where(found.ideal_depth >= 0, whole, 0) + lengths.scale * part.tokens
    return np.minimum(np.floor(tokens + 1e-6).astype(np.int64), lengths.input_tokens)


def gaps(at_us: NDArray[np.int64], last_us: NDArray[np.int64]) -> NDArray[np.int64]:
    """Time since the last use; NO_GAP where either end has no time."""
    known = (at_us != NO_TIME) & (last_us != NO_TIME)
    return np.where(known, np.where(known, at_us, 0) - np.where(known, last_us, 0), NO_GAP)


def _same_session(view: View, source: NDArray[np.int32]) -> NDArray[np.bool_]:
    session = view.trace.session
    return (source >= 0) & (session[np.maximum(source, 0)] == session)


def _assume_growth(
    view: View, found: Walk, tokens: NDArray[np.int64], gap: NDArray[np.int64],
    count: NDArray[np.int32], source: NDArray[np.int32],
) -> None:  # fmt: skip
    """A log without content: the session's next request is taken to begin with its last one."""
    blind = ~view.trace.has_content & (found.previous >= 0)
    rows, before = np.flatnonzero(blind), found.previous[blind]
    tokens[rows] = 0
    tokens[rows, 1] = view.leaves[before, INPUT].sum(axis=1)
    gap[rows, 1] = gaps(view.at_us[rows], view.at_us[before])
    count[rows, 1], source[rows, 1] = 1, before


def _only_marked(
    view: View, rules: RuleColumns, found: Walk, lengths: Lengths,
    tokens: NDArray[np.int64], source: NDArray[np.int32],
) -> None:  # fmt: skip
    """In place: providers that cache up to a mark keep nothing behind it, and no part of a block."""
    marked, kept = marked_depth(view), kept_tokens(view)
    rows = rules.breakpoints
    tokens[rows, PARTIAL] = 0
    for level in range(LEVELS):
        cut = cut_to_marks(
            tokens[:, 1 + level], found.depth[:, level], source[:, 1 + level], marked, kept, lengths
        )
        tokens[:, 1 + level] = np.where(rows, cut, tokens[:, 1 + level])


def _breaks(view: View, found: Walk) -> NDArray[np.int64]:
    """Where the call leaves its session's last request, though text of that follows behind."""
    block = view.request
    before = np.maximum(found.previous, 0)
    parted = (found.previous >= 0) & (found.same_uses < block.lengths[before])
    parted &= (found.same_uses < block.lengths) & view.trace.has_content
    out = np.full(view.trace.n, -1, np.int64)
    for call in np.flatnonzero(parted).tolist():
        same = int(found.same_uses[call])
        old = set(block.row(int(before[call]))[same:].tolist())
        if not old.isdisjoint(block.row(call)[same + 1 :].tolist()):
            out[call] = block.offsets[call] + same
    return out
