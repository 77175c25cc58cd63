"""Bill an edited view's prompt cache by difference, so that no bias of the model becomes a saving.

cached after = recorded before + modelled after - modelled before, between 0 and the shared prefix.
The same model stands on both sides. Where a call's bytes and lineage are unchanged the recorded
leaves stand as they are, to the token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.affected import affected_calls, changed_calls, parts_of_views
from costopt.billing.prompt_cache.breakpoints import new_marks
from costopt.billing.prompt_cache.entries import servable
from costopt.billing.prompt_cache.fit import CacheFit, Served, fit_cache, group_keys
from costopt.billing.prompt_cache.lineage import Lineage
from costopt.billing.prompt_cache.prefix import PrefixResult
from costopt.billing.prompt_cache.proven import ProvenRules
from costopt.billing.prompt_cache.rules import RuleBook, RuleColumns, rule_columns
from costopt.billing.prompt_cache.writes import split_input
from costopt.model.leaf import CACHE_WRITES, INPUT, Leaf
from costopt.model.ports import Texts, TokenCounter
from costopt.model.trace import Trace
from costopt.model.view import View


@dataclass(frozen=True, slots=True)
class Modelled:
    """One view under the cache model."""

    rules: RuleColumns
    prefix: PrefixResult
    served: Served
    limit: NDArray[np.int64]
    """[call]: most that could be read: the longest entry in whole steps, 0 below the minimum."""

    def subset(self, rows: NDArray[np.int64]) -> Modelled:
        """The same columns for some of the calls."""
        served = self.served
        part = Served(served.tokens[rows], served.variance[rows], served.hit[rows])
        rules, prefix = self.rules.subset(rows), self.prefix.subset(rows)
        return Modelled(rules, prefix, part, self.limit[rows])


@dataclass(frozen=True)
class CacheModel:
    """The fitted prompt cache of a trace; `modelled` answers for any view of it."""

    lineage: Lineage
    fit: CacheFit
    book: RuleBook
    recorded: Modelled
    """The trace itself under the model: the minuend of every difference."""

    @classmethod
    def of(
        cls, trace: Trace, book: RuleBook, tokens: TokenCounter, texts: Texts | None,
        fit: CacheFit | None = None,
    ) -> CacheModel:  # fmt: skip
        """Fit on the trace's own recorded reads, or take a fit made elsewhere."""
        view, book = View.of(trace), ProvenRules.of(trace, book)
        rules = rule_columns(view, book)
        lineage = Lineage.of(trace, tokens, texts).judged(view, rules)
        prefix = lineage.prefixes(view, rules)
        fitted = fit_cache(view, prefix, rules) if fit is None else fit
        return cls(lineage, fitted, book, _modelled(view, rules, prefix, fitted, lineage.compiled))

    def modelled(self, view: View) -> Modelled:
        """What the cache would serve of this view."""
        rules = rule_columns(view, self.book)
        prefix = self.lineage.prefixes(view, rules)
        return _modelled(view, rules, prefix, self.fit, self.lineage.compiled)

    @classmethod
    def on(cls, lineage: Lineage, fit: CacheFit, book: RuleBook) -> CacheModel:
        """A model whose lineage, fit and proven rules were made elsewhere, on the whole of its trace."""
        view = View.of(lineage.trace)
        rules = rule_columns(view, book)
        prefix = lineage.prefixes(view, rules)
        return cls(lineage, fit, book, _modelled(view, rules, prefix, fit, lineage.compiled))

    def part(self, trace: Trace, rows: NDArray[np.int64]) -> CacheModel:
        """The same model for some calls of its trace: whole cache trees, which `trace` holds alone.

        Fit, hidden prompts, proven rules and what was decided on the whole stay as they are.
        """
        return replace(
            self, lineage=self.lineage.part(trace, rows), recorded=self.recorded.subset(rows)
        )


def _modelled(
    view: View, rules: RuleColumns, prefix: PrefixResult, fit: CacheFit, compiled: bool,
    asked: NDArray[np.bool_] | None = None,
) -> Modelled:  # fmt: skip
    """`asked`: calls whose served tokens and limit will be read; None: all."""
    if compiled:
        from costopt.billing.prompt_cache.fast import fast_served

        served, limit = fast_served(fit, prefix, rules, view, asked)
        return Modelled(rules, prefix, served, limit)
    keys, group = group_keys(view, rules)
    longest = servable(prefix, rules, fit.step_tokens(keys, group, rules)).tokens.max(axis=1)
    limit = np.minimum(longest, prefix.shared_tokens)
    return Modelled(rules, prefix, fit.served(prefix, rules, view), limit)


@dataclass(frozen=True, slots=True)
class Rebilled:
    """The leaves of an edited view after the prompt cache has seen its bytes."""

    leaves: NDArray[np.int64]  # [call, leaf]
    touched: NDArray[np.bool_]  # [call]: bytes or lineage differ, billed by difference
    variance: NDArray[np.float64]  # [call]: of the cached tokens of touched calls, tokens squared
    exposed: NDArray[np.int64]
    """[call]: tokens of touched calls that the model alone says are read now and were not, or the
    other way round; all of the input where no recorded read taught it."""


def rebill_leaves(
    before: View, after: View, model: CacheModel, near: Sequence[tuple[View, Rebilled]] = ()
) -> Rebilled:
    """Move the input tokens of `after` among fresh, read and write by the provider's rules.

    `before` is a view whose leaves are right already (the trace's own, or one rebilled); of `after`
    only the total and the audio and image parts of each call's input are read. `near`: other views
    rebilled from the same `before`, which may differ from `after` in less.
    """
    if before.leaves is not model.lineage.trace.leaves:
        was, rules = model.modelled(before), rule_columns(after, model.book)
        return _by_difference(before, after, model, was, rules)
    n = after.trace.n
    start = (
        before,
        Rebilled(before.leaves, np.zeros(n, np.bool_), np.zeros(n), np.zeros(n, np.int64)),
    )
    rules = rule_columns(after, model.book)
    rows, base = _nearest([start, *near], after, rules, model)
    if len(rows) == n:
        return _by_difference(before, after, model, model.recorded, rules)
    leaves, touched, variance, exposed = after.leaves, base.touched, base.variance, base.exposed
    if base is not start[1] or len(rows):
        leaves = leaves.copy()
        leaves[:, INPUT] = base.leaves[:, INPUT]
    if len(rows):
        compiled = model.lineage.compiled
        old, new = parts_of_views(before, after, rows, compiled)
        part = model.part(old.trace, rows)
        found = _by_difference(old, new, part, part.recorded, rules.subset(rows))
        touched, variance, exposed = touched.copy(), variance.copy(), exposed.copy()
        leaves[rows], touched[rows] = found.leaves, found.touched
        variance[rows], exposed[rows] = found.variance, found.exposed
    return Rebilled(leaves, touched, variance, exposed)


def _nearest(
    known: Sequence[tuple[View, Rebilled]], after: View, rules: RuleColumns, model: CacheModel
) -> tuple[NDArray[np.int64], Rebilled]:
    """(calls in trees with a changed one, what the others hold) from the view that differs in fewest.

    The other trees hold what they held: only these calls are modelled again.
    """
    lineage = model.lineage
    best: tuple[NDArray[np.int64], Rebilled] | None = None
    for view, rebilled in known:
        was = model.recorded.rules if view is known[0][0] else rule_columns(view, model.book)
        changed = changed_calls(view, after, was, rules, lineage.compiled)
        rows = affected_calls(view, after, lineage.hidden.code, changed)
        if best is None or len(rows) < len(best[0]):
            best = rows, rebilled
    assert best is not None
    return best


def _by_difference(
    before: View, after: View, model: CacheModel, was: Modelled, rules: RuleColumns
) -> Rebilled:
    """Every call of these views, as modelled before and now. `rules`: of `after`."""
    lineage = model.lineage
    prefix = lineage.prefixes(after, rules)
    marked = _newly_marked(before, after, lineage, rules)
    differs = _differs(before, after, was, rules, prefix, lineage.compiled)
    touched = after.sent & (differs | (marked > 0))
    now = _modelled(after, rules, prefix, model.fit, lineage.compiled, touched)
    rows = np.flatnonzero(touched)
    change = _whole(now.served.tokens[rows]) - _whole(was.served.tokens[rows])
    cached = np.clip(before.leaves[rows, Leaf.CACHE_READ] + change, 0, now.limit[rows])
    leaves = after.leaves.copy()
    leaves[rows] = split_input(
        before.leaves[rows], after.leaves[rows], cached, now.rules.subset(rows),
        marked[rows],
    )  # fmt: skip
    variance = np.zeros(len(touched))
    # Only the edited side's: how lucky the recorded calls were stands in the recorded sessions, and
    # drawing those again spreads it already.
    variance[rows] = now.served.variance[rows]
    exposed = np.zeros(len(touched), np.int64)
    # What the model errs by on both sides is taken off again. Without recorded reads nothing says so.
    moved = np.abs(change) if model.fit.calls else after.leaves[rows][:, INPUT].sum(axis=1)
    exposed[rows] = moved
    return Rebilled(leaves, touched, variance, exposed)


def _newly_marked(
    before: View, after: View, lineage: Lineage, rules: RuleColumns
) -> NDArray[np.int64]:  # [call]
    """Tokens up to marks that an edit brought where nothing was written; 0: it brought none."""
    written = before.leaves[:, Leaf.CACHE_READ] + before.leaves[:, CACHE_WRITES].sum(axis=1)
    could = rules.breakpoints & rules.active & rules.reads & (written == 0)
    if before.request is after.request or not could.any():
        return np.zeros(len(could), np.int64)
    at = (
        lineage.lengths(before, lineage.inputs(before)),
        lineage.lengths(after, lineage.inputs(after)),
    )
    return np.where(could, new_marks(before, after, at, rules), 0)


def _whole(tokens: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.rint(tokens).astype(np.int64)


def _differs(
    before: View, after: View, was: Modelled, rules: RuleColumns, b: PrefixResult, compiled: bool
) -> NDArray[np.bool_]:
    """Calls whose own bytes, rules or entries are not what they were."""
    differs = was.rules.differs(rules)
    if before.leaves is not after.leaves:
        differs |= (before.leaves[:, INPUT] != after.leaves[:, INPUT]).any(axis=1)
    return differs | other_entries(was.prefix, b, compiled)


def other_entries(a: PrefixResult, b: PrefixResult, compiled: bool) -> NDArray[np.bool_]:  # [call]
    """Calls that find other entries than before, or the same at another age or use."""
    if compiled:
        from costopt.billing.prompt_cache.compiled_entries import unlike_entries

        return unlike_entries(
            a.entry_tokens, a.entry_gap_us, a.entry_count, b.entry_tokens, b.entry_gap_us,
            b.entry_count,
        )  # fmt: skip
    differs: NDArray[np.bool_] = (a.entry_tokens != b.entry_tokens).any(axis=1)
    there = a.entry_tokens > 0
    differs |= (there & (a.entry_gap_us != b.entry_gap_us)).any(axis=1)
    differs |= (there & (a.entry_count != b.entry_count)).any(axis=1)
    return differs
