"""How much a model can be sent at once, where the book says so."""

from __future__ import annotations

from costopt.prices.contract import Unpriced
from costopt.prices.resolve import resolve


def context_window(provider: str, model: str) -> int | None:
    """Tokens of input and output together; None: the book does not say."""
    found = resolve(provider, model)
    if isinstance(found, Unpriced):
        return None
    window = getattr(found.row.info, "context_window", None)
    return int(window) if window else None
