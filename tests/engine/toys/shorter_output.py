"""Answers become shorter by an assumed ratio."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from costopt.layers.base import Artifacts
from costopt.model.effect import Effect
from costopt.model.leaf import OUTPUT
from costopt.model.view import Column, View
from costopt.prices.contract import PriceBook
from tests.engine.toys.base import Toy


@dataclass(frozen=True)
class ShorterOutput(Toy):
    """All output times `ratio`."""

    ratio: float = 0.5
    doubt: float = 0.0
    """The ratio may lie so far off."""

    touches: ClassVar[frozenset[Column]] = frozenset({Column.LEAVES})
    NEUTRAL: ClassVar[Mapping[str, Any]] = {"ratio": 1.0}
    SEARCH: ClassVar[Mapping[str, tuple[Any, ...]]] = {"ratio": (0.5, 0.8)}

    def apply(self, view: View, prices: PriceBook, artifacts: Artifacts) -> Effect:
        if self.ratio == 1.0 or not view.sent.any():
            return Effect()
        leaves = view.leaves.copy()
        leaves[:, OUTPUT] = np.floor(leaves[:, OUTPUT] * self.ratio).astype(np.int64)
        if np.array_equal(leaves, view.leaves):
            return Effect()
        return Effect({Column.LEAVES: leaves}, view.sent, tally={"calls": int(view.sent.sum())})

    def ranges(self) -> Mapping[str, tuple[Any, Any]]:
        return {"ratio": (self.ratio - self.doubt, self.ratio + self.doubt)} if self.doubt else {}
