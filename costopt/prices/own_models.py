"""Models that the book lacks (`data/models.json`): rows of our own, and other names of the book's rows."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from costopt.prices.own_data import data
from costopt.prices.sheet import BOOK_UNITS


def own_models(provider: str) -> list[Any]:
    """Our rows of a provider as genai-prices' ModelInfo, so that everything treats them alike."""
    from genai_prices.types import ClauseEquals, ClauseOr, ModelInfo, ModelPrice

    named = {unit: field for field, unit in BOOK_UNITS.items()}
    found = []
    for item in _of(provider):
        if "row" not in item:
            prices = {named[u]: Decimal(price) for u, price in item["units"].items()}
            match = ClauseOr(or_=[ClauseEquals(equals=name) for name in item["names"]])
            info = ModelInfo(id=item["names"][0], match=match, prices=ModelPrice(**prices))
            found.append(info)
    return found


def other_names(provider: str) -> dict[str, str]:
    """Names that logs give to rows of the book -> the row's id."""
    return {name: item["row"] for item in _of(provider) if "row" in item for name in item["names"]}


def _of(provider: str) -> list[dict[str, Any]]:
    return [item for item in data("models")["models"] if item["provider"] == provider]
