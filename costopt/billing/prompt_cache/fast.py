"""The compiled kernels as functions of views: the same results as the plain columns, sooner.

Imported only where numba is there; each function names its plain twin.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.breakpoints import kept_tokens
from costopt.billing.prompt_cache.compiled_entries import (
    breaks,
    entries_of,
    last_marks,
    running_counts,
    uncounted,
)
from costopt.billing.prompt_cache.compiled_served import serve_all
from costopt.billing.prompt_cache.fit import CacheFit, Served, group_keys
from costopt.billing.prompt_cache.forest import Walk
from costopt.billing.prompt_cache.hierarchy import apart_of, stacked
from costopt.billing.prompt_cache.kernel import for_kernel
from costopt.billing.prompt_cache.lengths import Lengths, scaled
from costopt.billing.prompt_cache.namespace import reaches_provider
from costopt.billing.prompt_cache.partial import Partial
from costopt.billing.prompt_cache.prefix import COLUMNS, NO_GAP, PrefixResult
from costopt.billing.prompt_cache.priors import CALL_SPREADS, ENTRY_SPREADS
from costopt.billing.prompt_cache.rules import RuleColumns
from costopt.billing.prompt_cache.token_tables import TokenTables
from costopt.model.view import View

Int = NDArray[np.int64]


def fast_lengths(view: View, tables: TokenTables, hidden: Int, input_tokens: Int) -> Lengths:
    """`lengths.measure` of `counted_uses`; no array of counts is made, only their running sum."""
    block, model = view.request, view.model
    used = np.flatnonzero(np.bincount(model.codes, minlength=len(model.values)))
    row_of = np.zeros(len(model.values), np.int64)
    row_of[used] = tables.rows_of([model.values[c] for c in used.tolist()])
    rows = row_of[model.codes]
    running = np.zeros(len(block.ids) + 1)
    offsets, ids, made = (
        for_kernel(block.offsets),
        for_kernel(block.ids),
        for_kernel(view.made.tokens),
    )
    if running_counts(rows, tables.table, made, offsets, ids, running):
        asked = np.zeros(tables.table.shape, np.bool_)
        uncounted(rows, tables.table, offsets, ids, asked)
        tables.fill(asked)
        running_counts(rows, tables.table, made, offsets, ids, running)
    return scaled(block.offsets, running, hidden, input_tokens)


def fast_result(
    view: View, rules: RuleColumns, found: Walk, lengths: Lengths, part: Partial
) -> PrefixResult:
    """`prefix.plain_result`."""
    n, block, trace = view.trace.n, view.request, view.trace
    offsets, flags, ids = for_kernel(block.offsets), for_kernel(block.flags), for_kernel(block.ids)
    marked = rules.breakpoints.any()
    kept = kept_tokens(view) if marked else np.zeros(n, np.int64)
    last_mark = last_marks(offsets, flags) if marked else np.full(n, -1, np.int32)
    tokens, gap = np.zeros((n, COLUMNS), np.int64), np.full((n, COLUMNS), NO_GAP, np.int64)
    count, own = np.zeros((n, COLUMNS), np.int32), np.zeros((n, COLUMNS), np.bool_)
    source, shared = np.full(n, -1, np.int32), np.zeros(n, np.int64)
    shared_gap, ideal = np.full(n, NO_GAP, np.int64), np.zeros(n, np.int64)
    has_content = for_kernel(trace.has_content)
    entries_of(
        found.depth, found.count, found.last_us, found.source, found.anchor_depth,
        found.anchor_tokens, found.ideal_depth, found.ideal_anchor, found.previous, part.tokens,
        part.last_us, part.source, for_kernel(view.at_us), for_kernel(trace.session), lengths.input_tokens,
        has_content, rules.breakpoints, kept, last_mark, flags, offsets, lengths.cumulative,
        lengths.hidden, lengths.scale, tokens, gap, count, own, source, shared, shared_gap, ideal,
    )  # fmt: skip
    reached = reaches_provider(view)
    first = reached & (found.previous < 0)
    most = int(block.ids.max(initial=-1))
    return PrefixResult(
        tokens, gap, count, own, source, shared, shared_gap, ideal, first,
        first & (found.ideal_depth < 0), found.concurrent,
        breaks(found.previous, found.same_uses, has_content, offsets, ids, most),
        reached & ~trace.has_content, reached, lengths.input_tokens,
    )  # fmt: skip


def fast_served(
    fit: CacheFit, prefix: PrefixResult, rules: RuleColumns, view: View,
    asked: NDArray[np.bool_] | None = None,
) -> tuple[Served, Int]:  # fmt: skip
    """`CacheFit.served`, and [call] the most that could be read; zeros where it is not asked for."""
    keys, group = group_keys(view, rules)
    n = len(group)
    asked = np.ones(n, np.bool_) if asked is None else asked
    mean, variance, hit, limit = np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(n, np.int64)
    if n:
        call_apart = apart_of(fit.any_read, CALL_SPREADS, keys)
        entry_apart = apart_of(fit.which, ENTRY_SPREADS, keys)
        serve_all(
            prefix.entry_tokens, prefix.entry_gap_us, prefix.entry_count, prefix.entry_own,
            prefix.shared_tokens, prefix.opens, prefix.reached, prefix.input_tokens, rules.warms,
            rules.step_tokens, rules.min_tokens, rules.lifetime_us, group, fit.learned_steps(keys),
            stacked(fit.any_read, keys), call_apart, stacked(fit.which, keys), entry_apart,
            stacked(fit.share, keys), stacked(fit.unseen, keys), asked, mean, variance, hit, limit,
        )  # fmt: skip
    return Served(mean, variance, hit), limit
