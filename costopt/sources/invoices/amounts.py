"""Amounts of an invoice: decimal text, a stated currency, no float."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from costopt.errors import InputError
from costopt.money import PicoUsd, pico


def amount(value: object, currency: str, fx: Decimal | None, where: str) -> PicoUsd:
    """Pico-dollars of an amount in `currency`. `fx`: units of that currency for one US dollar."""
    text = repr(value) if isinstance(value, float) else str(value)
    try:
        number = Decimal(text.replace(",", "").replace("$", "").strip())
    except InvalidOperation as error:
        raise InputError(f"{text!r} is not an amount.", where=where) from error
    code = (currency or "USD").upper()
    if code == "USD":
        return pico(number)
    if fx is None or fx <= 0:
        raise InputError(
            f"the amounts are in {code}, not in US dollars.", where=where,
            hint=f"Give the rate, {code} for one dollar: costopt reconcile ... --fx 0.92",
        )  # fmt: skip
    return pico(number / fx)


def count(value: object) -> int:
    """A token count; a missing or null one is 0, anything else that is no count is an error."""
    if value is None:
        return 0
    number = int(str(value))
    if number < 0:
        raise ValueError(f"negative count {number}")
    return number
