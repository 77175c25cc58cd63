"""Amounts and counts of an invoice: exact decimals, a stated currency, no float."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from costopt.errors import InputError
from costopt.money import PicoUsd, pico

# A comma between digits is a thousands mark here. `0,05` is none: read so it would be five dollars.
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?")
MOST = Decimal(10**15)
"""A larger number of dollars or tokens is damage, not a line of an invoice."""


def exact(value: object, where: str, what: str = "an amount") -> Decimal:
    """A number as the export spells it. InputError: it is none."""
    text = repr(value) if isinstance(value, float) else str(value)
    text = text.replace("$", "").strip()
    if _THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number) > MOST:
        hint = "Write numbers as 1234.56."
        raise InputError(f"{str(value)[:40]!r} is not {what}.", where=where, hint=hint)
    return number


def amount(value: object, currency: str, fx: Decimal | None, where: str) -> PicoUsd:
    """Pico-dollars of an amount in `currency`. `fx`: units of that currency for one US dollar."""
    number = exact(value, where)
    code = (currency or "USD").upper()
    if code == "USD":
        return pico(number)
    if fx is None or fx <= 0:
        raise InputError(
            f"the amounts are in {code}, not in US dollars.", where=where,
            hint=f"Give the rate, {code} for one dollar: costopt reconcile ... --fx 0.92",
        )  # fmt: skip
    return pico(number / fx)


def count(value: object, where: str) -> int:
    """A token count; a missing or null one is 0. InputError: anything else that is no count."""
    if value is None:
        return 0
    number = exact(value, where, "a count")
    if number < 0 or number != int(number):
        raise InputError(f"{str(value)[:40]!r} is not a count.", where=where)
    return int(number)
