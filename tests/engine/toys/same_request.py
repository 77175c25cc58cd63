"""Answers a request that was sent before, in any session, from the first answer; a use costs a fee."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from costopt.layers.base import Artifacts, Partition
from costopt.model.effect import Effect, Fee
from costopt.model.view import Column, View
from costopt.prices.contract import PriceBook
from tests.engine.toys.base import Toy


@dataclass(frozen=True)
class SameRequest(Toy):
    """An answer cache shared by all."""

    fee_pusd: int = 0

    partition: ClassVar[Partition] = Partition.WHOLE
    touches: ClassVar[frozenset[Column]] = frozenset({Column.SENT})

    def apply(self, view: View, prices: PriceBook, artifacts: Artifacts) -> Effect:
        seen: set[bytes] = set()
        hit = np.zeros(view.trace.n, np.bool_)
        for i in np.flatnonzero(view.sent).tolist():
            key = view.request.row(i).tobytes()
            hit[i] = key in seen
            seen.add(key)
        if not hit.any():
            return Effect()
        rows = np.flatnonzero(hit)
        fee = Fee("lookup", rows, np.full(len(rows), self.fee_pusd, np.int64), "a setting")
        fees = (fee,) if self.fee_pusd else ()
        return Effect({Column.SENT: view.sent & ~hit}, hit, hit, fees=fees,
                      tally={"hits": len(rows)})  # fmt: skip
