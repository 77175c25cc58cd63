"""Integer pico-dollars: sums do not depend on order, and no float meets a total.

1 USD = 10**12 pico-dollars. A rate of $2.50 per million tokens is 2_500_000 pico-dollars a token.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import NewType

import numpy as np
from numpy.typing import NDArray

PicoUsd = NewType("PicoUsd", int)
PICO_PER_USD = 10**12
_TWO_32 = 1 << 32


def pico(usd: Decimal | str | int) -> PicoUsd:
    """Decimal dollars to pico-dollars, half-even. Raises ValueError on text that is no finite number.

    Floats are refused by type: a float from a log goes through `from_log` first.
    """
    try:
        value = Decimal(usd)
        scaled = (value * PICO_PER_USD).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
    except (InvalidOperation, ArithmeticError) as error:
        raise ValueError(f"not an amount of dollars: {usd!r}") from error
    if not scaled.is_finite():
        raise ValueError(f"not an amount of dollars: {usd!r}")
    return PicoUsd(int(scaled))


def from_log(value: float | int | str) -> PicoUsd:
    """A recorded cost as a log spells it. A float is read by its shortest decimal text, so 0.1 is 0.1."""
    return pico(repr(value) if isinstance(value, float) else str(value))


def rate_pusd(usd_per_mtok: Decimal | str) -> PicoUsd:
    """$ per million tokens to pico-dollars a token, half-even (finest step: $0.000001 per million)."""
    return pico(Decimal(usd_per_mtok) / 1_000_000)


def usd(amount: int) -> Decimal:
    """Pico-dollars to exact decimal dollars."""
    return Decimal(int(amount)) / PICO_PER_USD


def usd_text(amount: int) -> str:
    """Exact decimal dollars without an exponent and without trailing zeros: `0.0047`."""
    text = f"{usd(amount):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def show(amount: int, places: int = 2) -> str:
    """Dollars for people: `$40,218.64`, `-$0.05`. Rounds once, here; a tiny amount keeps two digits."""
    value = usd(abs(int(amount)))
    if value and value < Decimal(1).scaleb(-places):
        places = min(12, -value.adjusted() + 1)
    sign = "-" if amount < 0 and value else ""
    return f"{sign}${value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN):,f}"


def exact_sum(amounts: NDArray[np.int64]) -> PicoUsd:
    """Sum of pico-dollars as a Python integer. int64 alone would overflow above $9.2 million."""
    if amounts.size == 0:
        return PicoUsd(0)
    high, low = amounts >> 32, amounts & (_TWO_32 - 1)
    return PicoUsd(int(high.sum()) * _TWO_32 + int(low.sum()))


def exact_group_sum(
    amounts: NDArray[np.int64], groups: NDArray[np.integer], size: int
) -> list[PicoUsd]:
    """Sums of pico-dollars by group code 0..size-1, as Python integers, exact at any size."""
    high = np.zeros(size, np.int64)
    low = np.zeros(size, np.int64)
    np.add.at(high, groups, amounts >> 32)
    np.add.at(low, groups, amounts & (_TWO_32 - 1))
    return [PicoUsd(int(h) * _TWO_32 + int(n)) for h, n in zip(high, low, strict=True)]


def split_exact(amount: int, weights: list[int]) -> list[PicoUsd]:
    """Split an amount over integer weights so that the parts sum to it exactly (largest remainder)."""
    total = sum(weights)
    if total == 0:
        return [PicoUsd(0) for _ in weights]
    floors = [amount * w // total for w in weights]
    rest = amount - sum(floors)
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(amount * weights[i] % total), i))
    for i in by_remainder[:rest]:
        floors[i] += 1
    return [PicoUsd(f) for f in floors]


def usd_float(amount: int) -> float:
    """Pico-dollars as a JSON number; exact to nine decimals below nine million dollars."""
    return float(usd(amount))
