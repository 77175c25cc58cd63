"""Known ways to price a call wrongly, each as an edit: of what is priced, or of the book.

A recorded cost that a mistake reproduces to the last digit was most likely computed that way. The
list follows public bug reports of tools that compute costs; `tests/golden` names them one by one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from costopt.billing.charges import At
from costopt.billing.meter import meter
from costopt.model.leaf import CACHE_WRITES, INPUT, OUTPUT, Leaf
from costopt.model.trace import Categorical
from costopt.model.view import View
from costopt.prices.contract import CacheRules, DatedRates, PriceBook, Unpriced

Int = NDArray[np.int64]
MOST_PERIODS = 6
"""Price changes of a model that are tried, newest first."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """What went wrong, and the amounts that it gives for the calls of a view."""

    cause: str
    reprice: Callable[[View, PriceBook], Int]


def _by_leaves(edit: Callable[[Int], None]) -> Callable[[View, PriceBook], Int]:
    def reprice(view: View, prices: PriceBook) -> Int:
        leaves = view.leaves.copy()
        edit(leaves)
        return _amounts(view.edited(leaves=leaves), prices)

    return reprice


def _amounts(view: View, prices: PriceBook, at: At = "call") -> Int:
    """List price of each call; -1 where this pricing has none."""
    bill = meter(view, prices, at=at)
    return np.where(bill.priced, bill.list_pusd, -1)


def _reads_fresh(leaves: Int) -> None:
    leaves[:, Leaf.INPUT_FRESH] += leaves[:, Leaf.CACHE_READ]
    leaves[:, Leaf.INPUT_AUDIO] += leaves[:, Leaf.CACHE_READ_AUDIO]
    leaves[:, [Leaf.CACHE_READ, Leaf.CACHE_READ_AUDIO]] = 0


def _reads_twice(leaves: Int) -> None:
    leaves[:, Leaf.INPUT_FRESH] += leaves[:, Leaf.CACHE_READ] + leaves[:, Leaf.CACHE_READ_AUDIO]


def _writes_twice(leaves: Int) -> None:
    leaves[:, Leaf.INPUT_FRESH] += leaves[:, CACHE_WRITES].sum(axis=1)


def _cached_twice(leaves: Int) -> None:
    _writes_twice(leaves)
    _reads_twice(leaves)


def _writes_fresh(leaves: Int) -> None:
    _writes_twice(leaves)
    leaves[:, CACHE_WRITES] = 0


def _all_fresh(leaves: Int) -> None:
    _writes_fresh(leaves)
    _reads_fresh(leaves)


def _hour_as_five(leaves: Int) -> None:
    leaves[:, Leaf.CACHE_WRITE_5M] += leaves[:, Leaf.CACHE_WRITE_1H]
    leaves[:, Leaf.CACHE_WRITE_1H] = 0


def _free_reads(leaves: Int) -> None:
    leaves[:, [Leaf.CACHE_READ, Leaf.CACHE_READ_AUDIO]] = 0


def _free_cache(leaves: Int) -> None:
    _free_reads(leaves)
    leaves[:, CACHE_WRITES] = 0


def _reasoning_twice(leaves: Int) -> None:
    leaves[:, Leaf.OUTPUT_TEXT] += leaves[:, Leaf.OUTPUT_REASONING]


def _no_reasoning(leaves: Int) -> None:
    leaves[:, Leaf.OUTPUT_REASONING] = 0


def _audio_as_text(leaves: Int) -> None:
    for audio, text in (
        (Leaf.INPUT_AUDIO, Leaf.INPUT_FRESH),
        (Leaf.CACHE_READ_AUDIO, Leaf.CACHE_READ),
        (Leaf.OUTPUT_AUDIO, Leaf.OUTPUT_TEXT),
    ):
        leaves[:, text] += leaves[:, audio]
        leaves[:, audio] = 0


def _only_input(leaves: Int) -> None:
    leaves[:, OUTPUT] = 0


def _only_output(leaves: Int) -> None:
    leaves[:, INPUT] = 0


def _default_tier(view: View, prices: PriceBook) -> Int:
    return _amounts(view.edited(service_tier=_constant(view, "default")), prices)


def _batch_tier(view: View, prices: PriceBook) -> Int:
    return _amounts(view.edited(service_tier=_constant(view, "batch")), prices)


def _no_region(view: View, prices: PriceBook) -> Int:
    return _amounts(view.edited(region=_constant(view, "")), prices)


def _constant(view: View, text: str) -> Categorical:
    code = 1 if text else 0
    return Categorical(np.full(view.trace.n, code, np.int32), ("", text) if text else ("",))


def _no_fees(view: View, prices: PriceBook) -> Int:
    bill = meter(view, prices)
    return np.where(bill.priced, bill.list_pusd - bill.fee_pusd, -1)


def _base_context_tier(view: View, prices: PriceBook) -> Int:
    return _amounts(view, _EditedBook(prices, _base_tiers))


def _at_list(view: View, prices: PriceBook) -> Int:
    return _amounts(view, prices)


def _at_as_of(view: View, prices: PriceBook) -> Int:
    return _amounts(view, prices, "as_of")


def _at_period(back: int) -> Callable[[View, PriceBook], Int]:
    def reprice(view: View, prices: PriceBook) -> Int:
        return _amounts(view, _EditedBook(prices, lambda rates: _nth_last(rates, back)))

    return reprice


MISTAKES: tuple[Mistake, ...] = (
    Mistake("list price, the discount left out", _at_list),
    Mistake("cached input at the full price", _by_leaves(_reads_fresh)),
    Mistake("cache reads charged twice", _by_leaves(_reads_twice)),
    Mistake("cache writes charged twice", _by_leaves(_writes_twice)),
    Mistake("cache reads and writes charged twice", _by_leaves(_cached_twice)),
    Mistake("cache writes at the input price", _by_leaves(_writes_fresh)),
    Mistake("cache reads and writes at the input price", _by_leaves(_all_fresh)),
    Mistake("1-hour cache writes at the 5-minute price", _by_leaves(_hour_as_five)),
    Mistake("cache reads left out", _by_leaves(_free_reads)),
    Mistake("cache reads and writes left out", _by_leaves(_free_cache)),
    Mistake("reasoning added to the output that holds it", _by_leaves(_reasoning_twice)),
    Mistake("reasoning left out", _by_leaves(_no_reasoning)),
    Mistake("batch, flex or priority tier ignored", _default_tier),
    Mistake("priced as batch", _batch_tier),
    Mistake("long-context tier ignored", _base_context_tier),
    Mistake("regional uplift ignored", _no_region),
    Mistake("search and other fees left out", _no_fees),
    Mistake("audio at the text price", _by_leaves(_audio_as_text)),
    Mistake("only the input priced", _by_leaves(_only_input)),
    Mistake("only the output priced", _by_leaves(_only_output)),
    Mistake("another date's price", _at_as_of),
    *(Mistake("another date's price", _at_period(back)) for back in range(MOST_PERIODS)),
)


def _nth_last(rates: DatedRates, back: int) -> DatedRates:
    """The one period that stands `back` places before the last, valid for all time."""
    period = rates.periods[max(0, len(rates.periods) - 1 - back)]
    return replace(rates, periods=(replace(period, from_us=rates.periods[0].from_us),))


def _base_tiers(rates: DatedRates) -> DatedRates:
    return replace(rates, periods=tuple(replace(p, tiers=p.tiers[:1]) for p in rates.periods))


class _EditedBook:
    """A price book whose rates are changed by a rule."""

    def __init__(self, prices: PriceBook, edit: Callable[[DatedRates], DatedRates]) -> None:
        self.as_of: dt.date = prices.as_of
        self.version: str = prices.version
        self.prices, self.edit = prices, edit

    def rates(
        self, provider: str, model: str, *, tier: str = "default", region: str = "", speed: str = ""
    ) -> DatedRates | Unpriced:
        found = self.prices.rates(provider, model, tier=tier, region=region, speed=speed)
        return found if isinstance(found, Unpriced) else self.edit(found)

    def canonical(self, provider: str, model: str) -> tuple[str, str] | None:
        return self.prices.canonical(provider, model)

    def cache_rules(self, provider: str, model: str, at_us: int | None) -> CacheRules:
        return self.prices.cache_rules(provider, model, at_us)
