"""What a fleet costs a day, what a token costs then, and from which traffic on it beats an API bill.

Rent is paid for hours, not for tokens: the idle ones are in it. All money is whole pico-dollars; the
split over input and output tokens sums to the rent exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from costopt.errors import UsageError
from costopt.money import PicoUsd, split_exact, usd
from costopt.serving.arrivals import DAY_S, Arrivals
from costopt.serving.fleet.replica import Replica
from costopt.serving.fleet.terms import FleetRun
from costopt.serving.rents import Rent, Terms

_DAY = int(DAY_S)
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Range:
    """Low, typical and high, pico-dollars."""

    low_pusd: PicoUsd
    typical_pusd: PicoUsd
    high_pusd: PicoUsd


@dataclass(frozen=True, slots=True)
class Effective:
    """Dollars a million tokens, had every token its part of the rent; None: there are no such tokens."""

    input_usd_per_mtok: Decimal | None
    output_usd_per_mtok: Decimal | None
    blended_usd_per_mtok: Decimal | None
    input_pusd: PicoUsd
    """Of a day's rent; with `output_pusd` it is the typical rent exactly."""
    output_pusd: PicoUsd


@dataclass(frozen=True)
class Costed:
    """One fleet in money."""

    gpu: str
    terms: Terms
    gpus: int
    """Rented at the same time, at most."""
    gpu_seconds: int
    """Paid for in a day."""
    day: Range
    window: Range
    """The rent of the arrivals' own time, be it a part of a day or many days."""
    effective: Effective
    utilisation: float
    idle_gpu_hours: float
    """A day."""


def gpu_microseconds(fleet: FleetRun, one: Replica, arrivals: Arrivals, terms: Terms) -> int:
    """What is paid for, of the arrivals' window.

    A fleet that stands is paid for all of it. Reserved GPUs are paid for all of it, too, for the highest
    number that was needed at once. One that grows is paid from each start to each end, the last answer's
    included where that comes after the window.
    """
    if terms == Terms.RESERVED or not len(fleet.moves):
        return fleet.most * one.gpus * _us(arrivals.span_s)
    return round(1e6 * float(fleet.paid_s.sum())) * one.gpus


def costed(fleet: FleetRun, one: Replica, arrivals: Arrivals, rent: Rent) -> Costed:
    """A simulated fleet at this rent: for its window, and a day on average."""
    if rent.gpu != one.model.gpu.name:
        raise UsageError(f"A rent of {rent.gpu} for a fleet of {one.model.gpu.name}.")
    paid_us, span_us = gpu_microseconds(fleet, one, arrivals, rent.terms), _us(arrivals.span_s)
    second = (rent.low_pusd, rent.typical_pusd, rent.high_pusd)
    window = Range(*(_of(pusd * paid_us, 1_000_000) for pusd in second))
    day = Range(*(_of(pusd * paid_us * _DAY, span_us) for pusd in second))
    day_s = paid_us * _DAY / span_us
    busy_s = float(fleet.busy_s.sum()) * one.gpus / arrivals.days
    return Costed(
        rent.gpu, rent.terms, fleet.most * one.gpus, round(day_s), day, window,
        effective(day.typical_pusd, fleet, one, arrivals),
        busy_s / day_s if day_s else 0.0, max(day_s - busy_s, 0.0) / 3600,
    )  # fmt: skip


def _us(seconds: float) -> int:
    """Whole microseconds, at least one."""
    return max(round(1e6 * seconds), 1)


def _of(part: int, whole: int) -> PicoUsd:
    """A quotient of whole numbers to the nearest; half a unit goes to the even one."""
    return PicoUsd(round(Fraction(part, whole)))


def effective(day_pusd: int, fleet: FleetRun, one: Replica, arrivals: Arrivals) -> Effective:
    """Input's part is the time that its prompts take in full steps; the rest is output's.

    Tokens are all that were served, found in the prefix cache or not, as an API counts them.
    """
    served = fleet.run.served
    tokens = [int(arrivals.prompt_tokens[served].sum()), int(arrivals.output_tokens[served].sum())]
    parts = split_exact(day_pusd, _weights(fleet, one, tokens))
    per_day = [count / arrivals.days for count in tokens]
    prices = [_per_mtok(part, count) for part, count in zip(parts, per_day, strict=True)]
    return Effective(prices[0], prices[1], _per_mtok(day_pusd, sum(per_day)), parts[0], parts[1])


def _weights(fleet: FleetRun, one: Replica, tokens: list[int]) -> list[int]:
    """Whole microseconds of prompts and of answers; what has no tokens bears nothing."""
    table = one.cost.tokens_s
    per_token_s = float(table[-1]) / max(len(table) - 1, 1)
    busy = float(fleet.busy_s.sum())
    prompts = min(fleet.run.totals.prefill_tokens * per_token_s, busy)
    if not tokens[1]:
        return [1, 0]
    return [round(1e6 * prompts) if tokens[0] else 0, max(round(1e6 * (busy - prompts)), 1)]


def _per_mtok(pusd: int, tokens: float) -> Decimal | None:
    if tokens <= 0:
        return None
    return (usd(pusd) * _MILLION / Decimal(tokens)).quantize(Decimal("0.000001"))


def api_bill_pusd(per_day_pusd: int, multiple: float) -> PicoUsd:
    """A bill per token grows with the traffic: prices have no volume steps unless an overlay says so."""
    return PicoUsd(round(Decimal(per_day_pusd) * Decimal(multiple)))
