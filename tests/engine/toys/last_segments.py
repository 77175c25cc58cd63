"""Keeps the first segment of a request and its last ones: a window without manners."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from costopt.layers.base import Artifacts
from costopt.layers.parts.requests import kept
from costopt.model.effect import Effect, LayerReport, Risk
from costopt.model.view import Column, View
from costopt.prices.contract import PriceBook
from tests.engine.toys.base import Toy


@dataclass(frozen=True)
class LastSegments(Toy):
    """Drops what stands between the first segment and the last `keep` ones."""

    keep: int = 2
    risky: int = 0
    """One in so many of the touched calls is said to have suffered; 0: nothing is measured."""

    touches: ClassVar[frozenset[Column]] = frozenset({Column.REQUEST})
    NEUTRAL: ClassVar[Mapping[str, Any]] = {"keep": 1_000_000}
    SEARCH: ClassVar[Mapping[str, tuple[Any, ...]]] = {"keep": (2, 4, 8)}

    def apply(self, view: View, prices: PriceBook, artifacts: Artifacts) -> Effect:
        lengths, starts = view.request.lengths, view.request.offsets[:-1]
        place = np.arange(len(view.request.ids)) - np.repeat(starts, lengths)
        behind = np.repeat(lengths, lengths) - place
        request = kept(view, (place == 0) | (behind <= self.keep))
        if request is view.request:
            return Effect()
        touched = request.lengths != lengths
        hurt = int(touched.sum()) // self.risky if self.risky else 0
        tally = {"calls": int(touched.sum()), "hurt": hurt}
        return Effect({Column.REQUEST: request}, touched, touched, tally=tally)

    def report(self, tally: Mapping[str, int], detail: Mapping[str, Any]) -> LayerReport:
        calls, hurt = tally.get("calls", 0), tally.get("hurt", 0)
        share = hurt / calls if calls else 0.0
        ci95 = (0.0, min(1.0, share + 0.01)) if self.risky else None
        value = share if self.risky else None
        basis = "counted" if self.risky else "unverified"
        return LayerReport(
            dict(tally), Risk("reach_back_rate", value, ci95, basis), bool(self.risky), "from_log"
        )
