"""The layer `drop_reasoning`: old thoughts are not sent again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from costopt.layers.base import Artifacts, Partition
from costopt.layers.parts.requests import kept, removed_tokens
from costopt.layers.parts.turns import editable, turns_of
from costopt.model.call import SegmentKind
from costopt.model.effect import Effect, LayerReport, Risk
from costopt.model.view import Column, View
from costopt.prices.contract import PriceBook


@dataclass(frozen=True)
class DropReasoning:
    """Leave the reasoning of older turns out of requests.

    ## Where the money goes
    Some agents send the model's own reasoning back to it with every later call.

    ## What can go wrong
    The model may come to another conclusion where it does not see how it came to the first one.

    ## How it is simulated
    Reasoning blocks of all but the last turns fall away from every request.

    ## What a replay measures
    Requests without old reasoning are sent beside the originals, and the answers compared.

    ## Sources
    An example; it was never measured.
    """

    keep_turns: Annotated[int, Field(ge=0)] = 1
    """Last turns whose reasoning stays."""

    partition: ClassVar[Partition] = Partition.ROWS
    needs: ClassVar[tuple[str, ...]] = ()
    touches: ClassVar[frozenset[Column]] = frozenset({Column.REQUEST})
    NEUTRAL: ClassVar[Mapping[str, Any]] = {"keep_turns": 1_000_000_000}

    def apply(self, view: View, prices: PriceBook, artifacts: Artifacts) -> Effect:
        """Requests without old reasoning."""
        turns = turns_of(view)
        block = view.request
        old = turns.number <= np.repeat(turns.count - self.keep_turns, block.lengths)
        reasoning = view.segments.kind[block.ids] == SegmentKind.REASONING
        gone = old & reasoning & np.repeat(editable(view, prices), block.lengths)
        if not gone.any():
            return Effect()
        request = kept(view, ~gone)
        touched = request.lengths < block.lengths
        removed = removed_tokens(view, view.edited(request=request), artifacts)
        return Effect(
            {Column.REQUEST: request}, touched, touched, tally={"tokens_removed": removed}
        )

    def report(self, tally: Mapping[str, int], detail: Mapping[str, Any]) -> LayerReport:
        """Nobody measured what the answers would be."""
        removed = tally.get("tokens_removed", 0)
        risk = Risk("other_answer", None, None, "unverified") if removed else Risk(
            "other_answer", 0.0, None, "nothing was left out"
        )  # fmt: skip
        return LayerReport(
            {"tokens_removed": removed}, risk, verified=not removed, basis="assumed",
            assumptions=("The model needs its older thoughts for nothing.",) if removed else (),
            replay="answer agreement without the old reasoning",
        )  # fmt: skip

    def ranges(self) -> Mapping[str, tuple[Any, Any]]:
        """No ratio is assumed."""
        return {}
