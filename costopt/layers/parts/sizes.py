"""Tokens of a view's request uses, as counted and as billed, for layers that leave some of them out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.lengths import counted_uses
from costopt.layers.base import Artifacts
from costopt.layers.parts.turns import Turns
from costopt.model.leaf import INPUT
from costopt.model.view import View

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

LEAST_SCALE = 1e-9
"""A call of which all input is hidden: no turn that is dropped brings it below a budget."""


@dataclass(frozen=True)
class Sizes:
    """Of one view; counted when first asked for."""

    view: View
    turns: Turns
    artifacts: Artifacts

    @cached_property
    def uses(self) -> Int:  # [request use], under the call's own model
        model, tokens = self.view.model, self.artifacts.tokens(self.view)
        return counted_uses(model.codes, model.values, self.view.request, tokens)

    @property
    def input_tokens(self) -> Int:  # [call]
        return np.asarray(self.view.leaves[:, INPUT].sum(axis=1))

    @cached_property
    def scale(self) -> NDArray[np.float64]:  # [call]
        """Billed tokens for each counted one, the hidden prompt aside."""
        running = np.concatenate(([0], np.cumsum(self.uses)))
        shown = np.diff(running[self.view.request.offsets])
        total = self.input_tokens
        visible = total - np.minimum(self.artifacts.hidden(self.view), total)
        return np.where(shown > 0, visible / np.maximum(shown, 1), 1.0)

    def turn_tokens(self, model: str = "") -> Int:  # [turn]
        """Of each turn under one model, or under the call's own."""
        uses = self.uses
        if model:
            block, tokens = self.view.request, self.artifacts.tokens(self.view)
            uses = counted_uses(np.zeros(self.view.trace.n, np.int32), [model], block, tokens)
        return self.turns.sums(self.view.request, uses)

    def removed(self, keep: Bool) -> int:
        """Input tokens of the uses that are not kept, as billed."""
        gone = np.flatnonzero(~keep)
        return self.billed(self.view.request.call_of_use()[gone], self.uses[gone])

    def billed(self, call: Int, tokens: Int) -> int:
        """The sum of these tokens, scaled call by call and rounded once for each."""
        by_call = np.bincount(call, tokens, minlength=self.view.trace.n)
        return int(np.rint(by_call * self.scale).astype(np.int64).sum())
