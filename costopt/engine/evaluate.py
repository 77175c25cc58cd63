"""What a list of layers comes to: views in policy order, each billed by difference from the record.

v(S) is the bill of the view behind the layers of S, at the prices of `as_of`, with the policy's own
overhead. Views are shared by common beginnings; a layer without effect costs no second bill. What is
kept for that is bounded by bytes: the longest unused goes first and is computed again when needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.billing.marginal import read_discount_pusd
from costopt.billing.meter import meter
from costopt.billing.meter_changed import meter_changed
from costopt.billing.overhead import overhead_pusd
from costopt.billing.prompt_cache.model import CacheModel, Rebilled, rebill_leaves
from costopt.engine.corrected import corrected
from costopt.engine.handed import Builder, Handed, NoBuilder
from costopt.engine.kept import Kept
from costopt.engine.matched import Evidence, unbent
from costopt.engine.merge import BrokenLayer, merged
from costopt.layers.base import Drawn, Layer
from costopt.layers.discover import name_of
from costopt.model.bill import Bill, PriceStatus
from costopt.model.effect import Charge, Effect, Fee
from costopt.model.trace import Trace
from costopt.model.view import View
from costopt.money import PicoUsd, exact_sum
from costopt.prices.contract import PriceBook

Int = NDArray[np.int64]
Layers = tuple[Layer, ...]
KEPT_BYTES = 1 << 30
"""Of views kept for lists of layers that begin alike, beside the recorded one: an eighth of the 8 GB
that the benchmark grants a million calls."""
NEAR_VIEWS = 2
"""Views billed last, which the next one may differ from in less than from the recorded one."""
PRICED_BYTES = 1 << 28
"""Of bills kept by list of layers: three numbers a call."""


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
    exposed_pusd: Int
    """Worth of the cached reads that the call gains or loses by the model alone: the base of the
    model's common error."""

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
        evidence: Mapping[str, Mapping[str, Any]] | None = None, drawn: Drawn | None = None,
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
            model.lineage.hidden.tokens,
            self.leaves_of,
            drawn=drawn or Drawn(),
        )
        self._states: Kept[tuple[Layers, Layer], tuple[State, Effect]] = Kept(
            KEPT_BYTES, self.recorded
        )
        self._priced: Kept[Layers, Priced] = Kept(PRICED_BYTES)
        self._near: list[tuple[View, Rebilled]] = []
        self._last_bill: tuple[View, Rebilled, Bill] | None = None

    @cached_property
    def evidence(self) -> Evidence | None:
        """What replays measured on this log; None: nothing."""
        return Evidence.of_log(self.handed.evidence, self.trace.dims["model"].values)

    @cached_property
    def known(self) -> NDArray[np.bool_]:  # [call]
        """Calls whose price is known in the baseline: only these can save anything."""
        return np.asarray(self.bill_of(self.recorded).priced)

    @cached_property
    def charged(self) -> NDArray[np.bool_]:  # [call]
        """Calls that the provider charged for in the baseline."""
        return np.asarray(self.bill_of(self.recorded).status == PriceStatus.PRICED)

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
        found = self._priced.get(state.acting)
        if found is None:
            found = self._price(state)
            self._priced.put(state.acting, found)
        return found

    def _price(self, state: State) -> Priced:
        rebilled, bill = self._billed(state.view)
        self._check(bill, state)
        overhead = overhead_pusd(state.charges, state.fees, self.prices, self.trace.n)
        net = np.where(self.known & bill.priced, bill.net_pusd, 0)
        if not rebilled.touched.any():
            return Priced(net, overhead, rebilled.variance, np.zeros_like(net))
        worth = np.where(self.known, read_discount_pusd(state.view, self.prices), 0)
        exposed = np.where(rebilled.touched, rebilled.exposed * worth, 0)
        variance = rebilled.variance * worth.astype(np.float64) ** 2
        return Priced(net, overhead, variance, exposed)

    def rebilled(self, view: View) -> Rebilled:
        """The view's leaves after the prompt cache, by difference from the recorded calls."""
        if view is self.recorded:
            nothing = np.zeros(self.trace.n)
            return Rebilled(view.leaves, nothing > 0, nothing, np.zeros(self.trace.n, np.int64))
        found = rebill_leaves(self.recorded, view, self.model, self._near)
        self._near = [(view, found), *self._near][:NEAR_VIEWS]
        return found

    def bill_of(self, view: View) -> Bill:
        """A view through cache and meter."""
        return self._billed(view)[1]

    def leaves_of(self, view: View) -> Int:  # [call, leaf]
        """A view through the cache."""
        return self._billed(view)[0].leaves

    def _billed(self, view: View) -> tuple[Rebilled, Bill]:
        """The last one asked for is kept: a layer that meters the view so far asks for the state's."""
        if self._last_bill is None or self._last_bill[0] is not view:
            rebilled = self.rebilled(view)
            self._last_bill = view, rebilled, self._meter(view.edited(leaves=rebilled.leaves))
        return self._last_bill[1], self._last_bill[2]

    @cached_property
    def _recorded_bill(self) -> Bill:
        return meter(self.recorded, self.prices, at="as_of")

    def _meter(self, view: View) -> Bill:
        return meter_changed(self.recorded, self._recorded_bill, view, self.prices, at="as_of")

    def _step(self, layers: Layers) -> tuple[State, Effect | None]:
        """Layer by layer. What one does depends on the acting ones before it alone, so lists that
        differ in layers without effect share their states."""
        state, effect = State(self.recorded), None
        for layer in layers:
            found = self._states.get((state.acting, layer))
            if found is None:
                found = self._apply(state, layer)
                self._states.put((state.acting, layer), found)
            state, effect = found
        return state, effect

    def _apply(self, state: State, layer: Layer) -> tuple[State, Effect]:
        """`layer`: as asked for, which may be one with a measured ratio bent."""
        inner = unbent(layer)
        effect = inner.apply(state.view, self.prices, self.handed_to(layer))
        if effect.is_empty:
            return state, effect
        hidden = self.model.lineage.hidden.tokens
        view = merged(state.view, effect, inner, hidden, self.model.lineage.tokens)
        if self.evidence is not None:
            view = corrected(state.view, view, effect, layer, self.evidence)
        charges, fees = (*state.charges, *effect.charges), (*state.fees, *effect.fees)
        return State(view, charges, fees, (*state.acting, layer)), effect

    def handed_to(self, layer: Layer) -> Handed:
        """With what was measured of the layer at its settings."""
        if self.evidence is None:
            return self.handed
        return replace(self.handed, own=(name_of(unbent(layer)), self.evidence.handed(layer)))

    def _check(self, bill: Bill, state: State) -> None:
        """A layer must not move a call to where nothing has a price: that would look like a saving."""
        lost = np.flatnonzero(self.known & ~bill.priced)
        if len(lost):
            model = state.view.model
            name = model.values[int(model.codes[lost[0]])]
            who = ", ".join(name_of(unbent(layer)) for layer in state.acting)
            raise BrokenLayer(f"{who}: {len(lost)} calls left without a price (first: {name})")


class _NoTexts:
    def get(self, segments: Any) -> list[str | None]:
        return [None] * len(segments)
