"""Recorded costs as exact decimal text."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

# No call costs this much, none this little: such a number is damage.
_MOST_USD, _LEAST_DIGIT = 1_000_000, -30


def money_text(*amounts: object) -> str | None:
    """The exact decimal sum of amounts as a log spells them; None: none, or one that cannot be."""
    if len(amounts) == 1 and type(amounts[0]) is float and 1e-4 <= amounts[0] < _MOST_USD:
        return repr(amounts[0])  # what the sum below gives, for the usual amount
    total: Decimal | None = None
    for amount in amounts:
        if isinstance(amount, int | float | str) and not isinstance(amount, bool):
            value = _amount(amount)
            if value is None:
                return None
            total = value if total is None else total + value
    return None if total is None else f"{total:f}"


def _amount(amount: int | float | str) -> Decimal | None:
    try:
        value = Decimal(amount if isinstance(amount, str) else repr(amount))
    except InvalidOperation:
        return None
    if not value.is_finite() or not 0 <= value < _MOST_USD:
        return None
    exponent = value.as_tuple().exponent
    return value if isinstance(exponent, int) and exponent >= _LEAST_DIGIT else None
