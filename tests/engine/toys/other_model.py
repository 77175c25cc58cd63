"""Sends the calls of one model to another: unverified, and each use of its classifier is charged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from costopt.billing.edits import with_value
from costopt.layers.base import Artifacts
from costopt.model.effect import Charge, Effect, LayerReport, Risk
from costopt.model.leaf import N_LEAVES, Leaf
from costopt.model.view import Column, View
from costopt.prices.contract import PriceBook
from tests.engine.toys.base import Toy


@dataclass(frozen=True)
class OtherModel(Toy):
    """`frm` becomes `to`; the classifier reads `tokens` of each call."""

    frm: str = "m"
    to: str = "small"
    tokens: int = 100

    touches: ClassVar[frozenset[Column]] = frozenset({Column.MODEL})

    def apply(self, view: View, prices: PriceBook, artifacts: Artifacts) -> Effect:
        if self.frm not in view.model.values or self.frm == self.to:
            return Effect()
        rows = (view.model.codes == view.model.values.index(self.frm)) & view.sent
        if not rows.any():
            return Effect()
        calls = np.flatnonzero(rows)
        leaves = np.zeros((len(calls), N_LEAVES), np.int64)
        leaves[:, Leaf.INPUT_FRESH] = self.tokens
        charge = Charge("classifier", "openai", "small", calls, leaves)
        columns = {Column.MODEL: with_value(view.model, rows, self.to)}
        return Effect(columns, rows, rows, (charge,), tally={"routed": len(calls)})

    def report(self, tally: Mapping[str, int], detail: Mapping[str, Any]) -> LayerReport:
        risk = Risk("answers_differ", None, None, "unverified")
        return LayerReport(dict(tally), risk, False, "assumed", ("As good as the other one.",))
