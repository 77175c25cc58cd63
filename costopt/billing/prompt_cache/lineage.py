"""Asks views of one trace for their prefixes; what the trace tells once is kept.

This looks at bytes alone; whether the provider really served it is `fit.py`'s business. Any edited
view can be asked: calls that are not sent warm nothing, and an edit is seen by everything behind it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.forest import Rows, Walk
from costopt.billing.prompt_cache.hidden import Hidden, hidden_prefix
from costopt.billing.prompt_cache.kernel import pays, walk, walk_compiled
from costopt.billing.prompt_cache.lengths import Lengths, counted_uses, measure, visible_tokens
from costopt.billing.prompt_cache.namespace import (
    combined,
    namespace_codes,
    reaches_provider,
    time_order,
)
from costopt.billing.prompt_cache.partial import (
    EXACT_CALLS,
    EXACT_SIBLINGS,
    Asked,
    Compared,
    Partial,
    partial_prefix,
    siblings_in,
)
from costopt.billing.prompt_cache.prefix import PrefixResult, begins_us, plain_result
from costopt.billing.prompt_cache.rules import RuleColumns
from costopt.billing.prompt_cache.token_tables import TokenTables
from costopt.billing.view_tokens import tokens_of
from costopt.model.leaf import INPUT
from costopt.model.made import MadeTexts
from costopt.model.ports import Texts, TokenCounter
from costopt.model.trace import Trace
from costopt.model.view import View

Int = NDArray[np.int64]


@dataclass(frozen=True)
class Lineage:
    """One trace's hidden prompts, token counts and compared siblings: they hold for every view."""

    trace: Trace
    tokens: TokenCounter
    texts: Texts | None
    hidden: Hidden
    compiled: bool
    """Kernels or plain columns, for all views alike: their last bits may differ."""
    exact_siblings: bool = True
    """Common tokens of siblings are counted, not taken in proportion: decided on the whole trace."""
    tables: TokenTables = field(compare=False, repr=False, kw_only=True)
    compared: Compared = field(default_factory=Compared, compare=False, repr=False)

    @classmethod
    def of(cls, trace: Trace, tokens: TokenCounter, texts: Texts | None) -> Lineage:
        """The hidden prompts are inferred here, from the recorded calls."""
        view, tables = View.of(trace), TokenTables(tokens, len(trace.segments))
        counts = counted_uses(view.model.codes, view.model.values, trace.request, tokens)
        shown = visible_tokens(trace.request, counts)
        hidden = hidden_prefix(trace, shown)
        return cls(trace, tokens, texts, hidden, pays(len(trace.request.ids)), tables=tables)

    def judged(self, view: View, rules: RuleColumns) -> Lineage:
        """Itself, knowing from the recorded view whether its siblings are too many to be counted."""
        found = self.walked(view, rules, self.inputs(view))[1]
        few = siblings_in(found, self.trace.n) <= EXACT_SIBLINGS
        return replace(self, exact_siblings=few and self.trace.n <= EXACT_CALLS)

    def prefixes(self, view: View, rules: RuleColumns) -> PrefixResult:
        """Longest common token prefixes with earlier sent requests, per call of the view."""
        input_tokens = self.inputs(view)
        rows, found = self.walked(view, rules, input_tokens)
        part = partial_prefix(found, rows, self.asked(view))
        return self.entries(view, rules, found, part, input_tokens)

    def part(self, trace: Trace, rows: Int) -> Lineage:
        """Of some calls, which `trace` holds alone; counts, and what was decided, are the whole's."""
        hidden = Hidden(self.hidden.code[rows], self.hidden.tokens[rows])
        return replace(self, trace=trace, hidden=hidden)

    def inputs(self, view: View) -> Int:  # [call]
        return view.leaves[:, INPUT].sum(axis=1)

    def walked(self, view: View, rules: RuleColumns, input_tokens: Int) -> tuple[Rows, Walk]:
        """What each call finds of itself in the trees of the view."""
        rows = _rows(view, rules, self.hidden, input_tokens)
        return rows, walk_compiled(rows) if self.compiled else walk(rows)

    def asked(self, view: View) -> Asked:
        texts = self.texts
        if texts is not None and len(view.made):
            texts = MadeTexts(texts, view.made)
        return Asked(
            view.segments, len(self.trace.segments), tokens_of(view, self.tokens), texts,
            (view.model.codes, view.model.values), self.exact_siblings, self.compared,
        )  # fmt: skip

    def entries(
        self, view: View, rules: RuleColumns, found: Walk, part: Partial, input_tokens: Int
    ) -> PrefixResult:
        """The entries of every call, by kernel or in columns."""
        if self.compiled:
            from costopt.billing.prompt_cache.fast import fast_lengths, fast_result

            lengths = fast_lengths(view, self.tables, self.hidden.tokens, input_tokens)
            return fast_result(view, rules, found, lengths, part)
        return plain_result(view, rules, found, self.lengths(view, input_tokens), part)

    def lengths(self, view: View, input_tokens: Int) -> Lengths:
        """Positions along each request of the view."""
        counter = tokens_of(view, self.tokens)
        counts = counted_uses(view.model.codes, view.model.values, view.request, counter)
        return measure(view.request, counts, self.hidden.tokens, input_tokens)


def _rows(view: View, rules: RuleColumns, hidden: Hidden, input_tokens: Int) -> Rows:
    trace = view.trace
    root = combined([namespace_codes(view), hidden.code], trace.n)
    return Rows(
        order=time_order(view, reaches_provider(view) & rules.warms),
        root=root.astype(np.int32),
        n_roots=int(root.max(initial=-1)) + 1,
        session=trace.session,
        at_us=view.at_us,
        begin_us=begins_us(trace),
        lifetime_us=rules.lifetime_us,
        # A request that is not in the log ends nowhere in the tree: at most the hidden prompt is known.
        input_tokens=np.where(trace.has_content, input_tokens, hidden.tokens),
        offsets=view.request.offsets,
        ids=view.request.ids,
        answer_offsets=view.response.offsets,
        answer_ids=view.response.ids,
    )
