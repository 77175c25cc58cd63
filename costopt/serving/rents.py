"""What GPUs rent for: quotes with source and day, and the range that they span at a day.

No quote is better than another, so a rent is a range: the cheapest, the middle and the dearest
provider, each with its last quote up to the day asked for. On-demand, reserved and spot are kept apart;
where nobody is known to offer a term there is no rent, never a guess.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path

from costopt.errors import UsageError, nearest
from costopt.money import PICO_PER_USD, PicoUsd
from costopt.serving.hardware import gpu

_DATA = Path(__file__).parent / "data" / "rents.json"
_HOUR_S = 3600


class Terms(StrEnum):
    """How a GPU is rented."""

    ON_DEMAND = "on_demand"
    """By the second, given back at any time."""
    RESERVED = "reserved"
    """For a year; paid whether it is used or not."""
    SPOT = "spot"
    """Taken away at short notice."""


@dataclass(frozen=True, slots=True)
class Quote:
    """One published price of one provider."""

    gpu: str
    terms: Terms
    provider: str
    usd_per_gpu_hour: Decimal
    read: dt.date
    source: str
    via: str = ""
    """Where it was read, if not at the source."""
    note: str = ""
    confirmed: bool = False
    """Read a second time at `read_at`; else as it was entered."""
    read_at: str = ""


@dataclass(frozen=True, slots=True)
class Rent:
    """Pico-dollars a GPU-second; low, typical and high are equal where one quote is all there is."""

    gpu: str
    terms: Terms
    low_pusd: PicoUsd
    typical_pusd: PicoUsd
    high_pusd: PicoUsd
    quotes: tuple[Quote, ...]
    """Cheapest first; empty: an overlay's own price."""

    @property
    def read(self) -> dt.date | None:
        """Day of the newest quote."""
        return max((quote.read for quote in self.quotes), default=None)

    @property
    def state(self) -> str:
        """For a screen: how many of the quotes were read a second time; empty for a price of the user's."""
        again = sum(quote.confirmed for quote in self.quotes)
        return f"{again} of {len(self.quotes)} quotes read again" if self.quotes else ""


@dataclass(frozen=True, slots=True)
class Unrented:
    """No rent is known: why."""

    reason: str


@cache
def quotes() -> tuple[Quote, ...]:
    """All quotes of the data file."""
    rows = json.loads(_DATA.read_text(encoding="utf-8"))["quotes"]
    return tuple(
        Quote(
            row["gpu"], Terms(row["terms"]), row["provider"], Decimal(row["usd_per_gpu_hour"]),
            dt.date.fromisoformat(row["read"]), row["source"], row["via"], row.get("note", ""),
            row.get("confirmed", False), row.get("read_at", ""),
        )
        for row in rows
    )  # fmt: skip


def per_second_pusd(usd_per_hour: Decimal) -> PicoUsd:
    """Dollars an hour as whole pico-dollars a second, half-even: off by less than $0.0000001 a day."""
    exact = usd_per_hour * PICO_PER_USD / _HOUR_S
    return PicoUsd(int(exact.quantize(Decimal(1), rounding=ROUND_HALF_EVEN)))


class Rents:
    """The book of rents at a day, with the user's own in front."""

    def __init__(self, day: dt.date, overlay: Mapping[str, object] | None = None) -> None:
        """`overlay`: USD a GPU-hour by GPU, `{h100: 2.10}` or `{h100: {spot: [1.00, 1.20, 1.60]}}`."""
        self.day = day
        self._own = _read_overlay(overlay or {})

    def rent(self, name: str, terms: Terms = Terms.ON_DEMAND) -> Rent | Unrented:
        """The range of one GPU at these terms."""
        device = gpu(name).name
        if (device, terms) in self._own:
            return self._own[device, terms]
        offered = [quote for quote in quotes() if (quote.gpu, quote.terms) == (device, terms)]
        if not offered:
            return Unrented(f"no {terms.value.replace('_', '-')} price of {device} is known")
        last: dict[str, Quote] = {}
        for quote in sorted(offered, key=lambda q: q.read):
            if quote.read <= self.day:
                last[quote.provider] = quote
        if not last:
            first = min(quote.read for quote in offered)
            return Unrented(f"{device}: the first {terms.value} price known is of {first}")
        ranked = sorted(last.values(), key=lambda q: (q.usd_per_gpu_hour, q.provider))
        return _range(device, terms, [q.usd_per_gpu_hour for q in ranked], tuple(ranked))

    def known(self, name: str) -> tuple[Rent, ...]:
        """All terms at which this GPU can be rented."""
        found = (self.rent(name, terms) for terms in Terms)
        return tuple(rent for rent in found if isinstance(rent, Rent))


def _range(
    device: str, terms: Terms, ranked: list[Decimal], quoted: tuple[Quote, ...] = ()
) -> Rent:
    half = len(ranked) // 2
    typical = ranked[half] if len(ranked) % 2 else (ranked[half - 1] + ranked[half]) / 2
    low, middle, high = (per_second_pusd(usd) for usd in (ranked[0], typical, ranked[-1]))
    return Rent(device, terms, low, middle, high, quoted)


def _read_overlay(overlay: Mapping[str, object]) -> dict[tuple[str, Terms], Rent]:
    """The user's own rents; UsageError names what is wrong with which."""
    own: dict[tuple[str, Terms], Rent] = {}
    for name, given in overlay.items():
        device = gpu(name).name
        by_terms = given if isinstance(given, Mapping) else {Terms.ON_DEMAND.value: given}
        for word, price in by_terms.items():
            terms = _terms(str(word), f"rents.{name}")
            own[device, terms] = _range(device, terms, _prices(price, f"rents.{name}.{word}"))
    return own


def _terms(word: str, where: str) -> Terms:
    try:
        return Terms(word.strip().lower().replace("-", "_"))
    except ValueError as error:
        names = [terms.value for terms in Terms]
        hint = nearest(word, names) or f"Known: {', '.join(names)}."
        raise UsageError(f"No rental terms are called `{word}`.", where=where, hint=hint) from error


def _prices(given: object, where: str) -> list[Decimal]:
    """One price, or several in ascending order."""
    listed = list(given) if isinstance(given, (list, tuple)) else [given]
    try:
        found = sorted(Decimal(str(price)) for price in listed)
    except ArithmeticError as error:
        raise UsageError("A rent is a number of US dollars a GPU-hour.", where=where) from error
    if not found or not all(usd.is_finite() and usd >= 0 for usd in found):
        raise UsageError("A rent is a number of US dollars a GPU-hour, not negative.", where=where)
    return found
