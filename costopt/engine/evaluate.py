"""What a list of layers comes to: views in policy order, each billed by difference from the record.

v(S) is the bill of the view behind the layers of S, at the prices of `as_of`, with the policy's own
overhead. Views are shared by common beginnings; a layer without effect costs no second bill.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.billing.marginal import read_discount_pusd
from costopt.billing.meter import meter
from costopt.billing.overhead import overhead_pusd
from costopt.billing.prompt_cache.model import CacheModel, Rebilled, rebill_leaves
from costopt.engine.handed import Builder, Handed, NoBuilder
from costopt.engine.merge import BrokenLayer, merged
from costopt.layers.base import Layer
from costopt.layers.discover import name_of
from costopt.model.bill import Bill
from costopt.model.effect import Charge, Effect, Fee
from costopt.model.trace import Trace
from costopt.model.view import View
from costopt.money import PicoUsd, exact_sum
from costopt.prices.contract import PriceBook

Int = NDArray[np.int64]
Layers = tuple[Layer, ...]
KEPT_STATES = 64
"""Views kept for lists of layers that begin alike."""


@dataclass(frozen=True)
class State:
    """The view behind some layers, and what they cost beside the calls."""

    view: View
    charges: tuple[Charge, ...] = ()
    fees: tuple[Fee, ...] = ()
    acting: Layers = ()
    """The layers so far that changed something: states with equal ones have equal bills."""


@dataclass(frozen=True)
class Priced:
    """A state in dollars. Arrays are [call], net of discounts, calls without a known price are 0."""

    net_pusd: Int
    """The calls themselves."""
    overhead_pusd: Int
    """What the policy costs because of the call."""
    variance_pusd2: NDArray[np.float64]
    """Of the dollars, where cached tokens are modelled and not recorded; pico-dollars squared."""

    @property
    def all_pusd(self) -> Int:
        return self.net_pusd + self.overhead_pusd

    @cached_property
    def total_pusd(self) -> PicoUsd:
        return exact_sum(self.all_pusd)


class Evaluator:
    """Asks any list of layers what it would have cost. One trace, one price book, one cache model."""

    def __init__(
        self, trace: Trace, prices: PriceBook, model: CacheModel, *,
        builder: Builder | None = None, fields: Mapping[str, str] | None = None,
        evidence: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:  # fmt: skip
        self.trace, self.prices, self.model = trace, prices, model
        self.recorded = View.of(trace)
        texts = model.lineage.texts or _NoTexts()
        self.handed = Handed(
            model.lineage.tokens,
            texts,
            self.bill_of,
            builder or NoBuilder(),
            fields or {},
            evidence or {},
        )
        self._states: OrderedDict[Layers, tuple[State, Effect | None]] = OrderedDict()
        self._priced: dict[Layers, Priced] = {}
        self._last_bill: tuple[View, Bill] | None = None

    @cached_property
    def known(self) -> NDArray[np.bool_]:  # [call]
        """Calls whose price is known in the baseline: only these can save anything."""
        return np.asarray(self._meter(self.recorded).priced)

    @cached_property
    def baseline(self) -> Priced:
        """The recorded calls at the projection's prices."""
        return self.priced(State(self.recorded))

    def state(self, layers: Layers) -> State:
        """The view behind these layers, in order."""
        return self._step(layers)[0]

    def effect(self, layers: Layers) -> Effect:
        """What the last of these layers proposes behind the others."""
        effect = self._step(layers)[1]
        return Effect() if effect is None else effect

    def value(self, layers: Layers) -> PicoUsd:
        """v(S) as dollars that remain to be paid."""
        return self.priced(self.state(layers)).total_pusd

    def priced(self, state: State) -> Priced:
        """The state's calls through cache and meter, its overhead through the price book."""
        if state.acting not in self._priced:
            rebilled = self.rebilled(state.view)
            bill = self._meter(state.view.edited(leaves=rebilled.leaves))
            self._check(bill, state)
            overhead = overhead_pusd(state.charges, state.fees, self.prices, self.trace.n)
            net = np.where(self.known & bill.priced, bill.net_pusd, 0)
            worth = read_discount_pusd(state.view, self.prices).astype(np.float64)
            self._priced[state.acting] = Priced(net, overhead, rebilled.variance * worth**2)
        return self._priced[state.acting]

    def rebilled(self, view: View) -> Rebilled:
        """The view's leaves after the prompt cache, by difference from the recorded calls."""
        if view is self.recorded:
            nothing = np.zeros(self.trace.n)
            return Rebilled(view.leaves, nothing > 0, nothing)
        return rebill_leaves(self.recorded, view, self.model)

    def bill_of(self, view: View) -> Bill:
        """A view through cache and meter; the last one asked for is kept."""
        if self._last_bill is None or self._last_bill[0] is not view:
            bill = self._meter(view.edited(leaves=self.rebilled(view).leaves))
            self._last_bill = view, bill
        return self._last_bill[1]

    def _meter(self, view: View) -> Bill:
        return meter(view, self.prices, at="as_of")

    def _step(self, layers: Layers) -> tuple[State, Effect | None]:
        if not layers:
            return State(self.recorded), None
        found = self._states.get(layers)
        if found is None:
            found = self._states[layers] = self._apply(self.state(layers[:-1]), layers[-1])
            while len(self._states) > KEPT_STATES:
                self._states.popitem(last=False)
        self._states.move_to_end(layers)
        return found

    def _apply(self, state: State, layer: Layer) -> tuple[State, Effect]:
        effect = layer.apply(state.view, self.prices, self.handed)
        if effect.is_empty:
            return state, effect
        hidden = self.model.lineage.hidden.tokens
        view = merged(state.view, effect, layer, hidden, self.model.lineage.tokens)
        charges, fees = (*state.charges, *effect.charges), (*state.fees, *effect.fees)
        return State(view, charges, fees, (*state.acting, layer)), effect

    def _check(self, bill: Bill, state: State) -> None:
        """A layer must not move a call to where nothing has a price: that would look like a saving."""
        lost = np.flatnonzero(self.known & ~bill.priced)
        if len(lost):
            model = state.view.model
            name = model.values[int(model.codes[lost[0]])]
            who = ", ".join(name_of(layer) for layer in state.acting)
            raise BrokenLayer(f"{who}: {len(lost)} calls left without a price (first: {name})")


class _NoTexts:
    def get(self, segments: Any) -> list[str | None]:
        return [None] * len(segments)
