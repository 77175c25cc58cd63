"""Recorded, ideal and modelled share of input that was read from the provider's prompt cache.

Only calls whose usage is reported count. What the log does not show is None: no text, no ideal.
The residual is honest: fitted on half of the sessions, judged on the other half.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.billing.context import CacheShare, PromptCacheReport
from costopt.billing.prompt_cache.fit import fit_cache, judgeable
from costopt.billing.prompt_cache.ideal import ideal_block_share
from costopt.billing.prompt_cache.model import CacheModel
from costopt.billing.prompt_cache.namespace import combined
from costopt.model.call import UsageState
from costopt.model.ports import Texts, TokenCounter
from costopt.model.trace import Trace
from costopt.model.view import View
from costopt.prices.contract import PriceBook

Rows = NDArray[np.bool_]


def cache_report(
    trace: Trace, prices: PriceBook, tokens: TokenCounter, texts: Texts | None, *, seed: int = 0
) -> PromptCacheReport:
    """What the prompt cache did, could have done, and how well the model says so."""
    view = View.of(trace)
    model = CacheModel.of(trace, prices, tokens, texts)
    shares = _Shares(trace, model, half_of_sessions(trace, seed))
    everything = np.ones(trace.n, np.bool_)
    whole = shares.of(everything)
    return PromptCacheReport(
        recorded_share=whole.recorded_share,
        ideal_share=whole.ideal_share,
        modelled_share=whole.modelled_share,
        residual_pp=whole.heldout_residual_pp,
        by_model=shares.by_model(),
        ideal_block_share=ideal_block_share(view),
        shared_prefix_tokens=model.recorded.prefix.ideal_tokens,
        break_use=model.recorded.prefix.break_use,
        model=model,
    )


def half_of_sessions(trace: Trace, seed: int) -> Rows:  # [call]
    """True on the calls of a seeded half of the sessions."""
    chosen = np.zeros(len(trace.sessions), np.bool_)
    order = np.random.default_rng(seed).permutation(len(trace.sessions))
    chosen[order[: len(order) // 2]] = True
    return chosen[trace.session]


class _Shares:
    """Sums over any rows of the trace, as shares of their input."""

    def __init__(self, trace: Trace, model: CacheModel, first_half: Rows) -> None:
        self._trace = trace
        self._ideal = model.recorded.prefix.ideal_tokens
        self._modelled = model.recorded.served.tokens
        self._reported = (trace.usage_state == UsageState.REPORTED) & (trace.input_tokens > 0)
        self._shown = self._reported & trace.has_content
        prefix, rules = model.recorded.prefix, model.recorded.rules
        usable = judgeable(trace, prefix, rules)
        self._heldout = self._shown & ~first_half
        # Without two sessions to part, or where no cache was ever there, nothing is left to judge.
        fits = bool((usable & first_half).any()) and bool((usable & self._heldout).any())
        self._of_half: NDArray[np.float64] | None = None
        if fits:
            view = View.of(trace)
            fit = fit_cache(view, prefix, rules, first_half)
            self._of_half = fit.served(prefix, rules, view).tokens

    def of(self, rows: Rows, provider: str = "", model: str = "") -> CacheShare:
        """The shares over the chosen calls."""
        return CacheShare(
            provider,
            model,
            self._share(self._trace.cache_read, rows & self._reported),
            self._share(self._ideal, rows & self._shown),
            self._share(self._modelled, rows & self._shown),
            self._residual_pp(rows),
        )

    def by_model(self) -> tuple[CacheShare, ...]:
        """One for each (provider, model) that reported usage, most input first."""
        dims = self._trace.dims
        provider, model = dims["provider"], dims["model"]
        code = combined([provider.codes, model.codes], self._trace.n)
        size = np.bincount(code[self._reported], self._trace.input_tokens[self._reported])
        found = []
        for group in np.argsort(-size, kind="stable")[: np.count_nonzero(size)].tolist():
            rows = code == group
            row = int(np.argmax(rows))
            names = provider.values[provider.codes[row]], model.values[model.codes[row]]
            found.append(self.of(rows, *names))
        return tuple(found)

    def _share(self, tokens: NDArray[np.int64] | NDArray[np.float64], rows: Rows) -> float | None:
        whole = int(self._trace.input_tokens[rows].sum())
        return float(tokens[rows].sum()) / whole if whole else None

    def _residual_pp(self, rows: Rows) -> float | None:
        if self._of_half is None:
            return None
        heldout = rows & self._heldout
        modelled = self._share(self._of_half, heldout)
        recorded = self._share(self._trace.cache_read, heldout)
        if modelled is None or recorded is None:
            return None
        return 100.0 * (modelled - recorded)
