"""Tiers of a router: which model stands for each, and from which logged models a call may move down to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, WithJsonSchema

from costopt.billing.charges import as_of_us
from costopt.errors import UsageError, nearest
from costopt.model.leaf import Leaf
from costopt.model.view import View
from costopt.prices.contract import NO_RATE, PriceBook, Unpriced

TIERS = ("simple", "moderate", "complex")
"""From the cheapest on. A call only ever moves down from where its logged model stands."""


def tier_number(name: str) -> int:
    """ValueError with the nearest name: there is no such tier."""
    if name not in TIERS:
        raise ValueError(f"no tier `{name}`: {', '.join(TIERS)}. {nearest(name, TIERS)}".rstrip())
    return TIERS.index(name)


def _tiers(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return tuple(sorted(value.items(), key=lambda item: tier_number(str(item[0]))))


_SCHEMA = {
    "type": "object", "properties": {name: {"type": "string"} for name in TIERS},
    "additionalProperties": False,
}  # fmt: skip
Tiers = Annotated[tuple[tuple[str, str], ...], BeforeValidator(_tiers), WithJsonSchema(_SCHEMA)]
"""`{simple: gpt-4o-mini, complex: gpt-4o}`; a model may be written as provider/model."""


class Bar(IntEnum):
    """Why a call that a router would move stays where it is; NONE: it moves."""

    NONE = 0
    SAME = 1
    """It is there already."""
    NO_TIER = 2
    """No model stands for the tier."""
    STRONGER = 3
    """The target stands above the logged model, or its list price is not lower."""
    REASONING = 4
    """The target reasons, and how many tokens that takes is not known."""
    NO_PRICE = 5
    """The target is not sold in the call's service tier or region, or not for a unit it used."""
    TOO_LONG = 6
    """The call does not fit in the target's context window."""
    UNKNOWN = 7
    """A cascade, and the log does not say whether the cheap answer would have been taken."""


BAR_WORDS = {bar: bar.name.lower() for bar in Bar if bar is not Bar.NONE}


@dataclass(frozen=True)
class Target:
    """The model of a tier as the book knows it."""

    tier: int
    provider: str
    """As written by the user; empty: the call's own where it sells the model, else the book's."""
    model: str
    canonical: tuple[str, str]


@dataclass(frozen=True)
class Targets:
    """All tiers, beside the (provider, model) pairs of one view."""

    by_tier: tuple[Target | None, ...]
    pair: NDArray[np.int64]  # [call], into `names`
    names: tuple[tuple[str, str], ...]
    """(provider, model) as logged."""
    known: tuple[tuple[str, str] | None, ...]
    """The same in the book's words."""

    @classmethod
    def of(cls, view: View, tiers: tuple[tuple[str, str], ...], prices: PriceBook) -> Targets:
        """UsageError: a tier's model has no price."""
        width = len(view.model.values)
        code = view.provider.codes.astype(np.int64) * width + view.model.codes
        distinct, pair = np.unique(code, return_inverse=True)
        names = tuple(
            (view.provider.values[c // width], view.model.values[c % width])
            for c in distinct.tolist()
        )
        chosen = {t.tier: t for t in (_target(name, model, prices) for name, model in tiers)}
        return cls(
            tuple(chosen.get(t) for t in range(len(TIERS))), pair.reshape(-1).astype(np.int64),
            names, tuple(prices.canonical(*n) for n in names),
        )  # fmt: skip

    def logged_as(self, target: Target) -> NDArray[np.bool_]:  # [call]
        """Calls that the log shows on this very model, whoever sold it."""
        same = [known == target.canonical for known in self.known]
        return np.array(same, np.bool_)[self.pair]

    def seller(self, target: Target, pair: int, prices: PriceBook) -> tuple[str, str]:
        """(provider, model) to write for calls of a pair: with the log's own spelling where it has one."""
        own = self.names[pair][0]
        keeps = not target.provider and own and prices.canonical(own, target.model) is not None
        provider = own if keeps else target.provider or target.canonical[0]
        spelled = [
            name for name, known in zip(self.names, self.known, strict=True)
            if known == target.canonical and name[0] == provider
        ]  # fmt: skip
        return spelled[0] if spelled else (provider, target.model)

    def bars(self, tier: int, prices: PriceBook) -> list[Bar]:
        """[pair]: may its calls move down to this tier's model?"""
        target = self.by_tier[tier]
        if target is None:
            return [Bar.NO_TIER] * len(self.names)
        return [self._bar(target, i, prices) for i in range(len(self.names))]

    def _bar(self, target: Target, pair: int, prices: PriceBook) -> Bar:
        known = self.known[pair]
        if known is None:
            return Bar.NO_PRICE
        if known == target.canonical:
            return Bar.SAME
        places = [t.tier for t in self.by_tier if t is not None and t.canonical == known]
        if places:
            return Bar.NONE if target.tier < max(places) else Bar.STRONGER
        return Bar.NONE if cheaper(target.canonical, known, prices) else Bar.STRONGER


def _target(tier: str, model: str, prices: PriceBook) -> Target:
    head, slash, tail = model.partition("/")
    if slash and prices.canonical(head, tail) is not None:
        provider, name = head, tail
    else:
        provider, name = "", model
    canonical = prices.canonical(provider, name)
    rates = prices.rates(*canonical) if canonical else prices.rates(provider, name)
    if canonical is None or isinstance(rates, Unpriced):
        why = rates.reason if isinstance(rates, Unpriced) else f"no model is called {model}"
        raise UsageError(
            f"route: {why}.", where=f"tiers.{tier}",
            hint="Write it as provider/model, or give its price in prices.yaml (--prices).",
        )  # fmt: skip
    return Target(tier_number(tier), provider, name, canonical)


def list_rates(named: tuple[str, str], prices: PriceBook) -> tuple[int, int] | None:
    """(input, output) pico-dollars a token at the book's date; None: not known."""
    rates = prices.rates(*named)
    if isinstance(rates, Unpriced) or rates.subscription:
        return None
    row = rates.at(as_of_us(prices)).tiers[0].rates
    found = row[Leaf.INPUT_FRESH], row[Leaf.OUTPUT_TEXT]
    return None if NO_RATE in found else found


def cheaper(target: tuple[str, str], logged: tuple[str, str], prices: PriceBook) -> bool:
    """By list price, in and out: neither is dearer and one is cheaper. Else which is the stronger is open."""
    a, b = list_rates(target, prices), list_rates(logged, prices)
    return a is not None and b is not None and a[0] <= b[0] and a[1] <= b[1] and a != b
