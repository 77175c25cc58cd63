"""How much of the input the provider's prompt cache served."""

from __future__ import annotations

from costopt.replay.compare.quantities.base import Asked, Found, percent, quantity


def cached_share(asked: Asked) -> Found:
    """`84.2 -> 83.1 % hit`, of the input tokens of rows whose endpoint says what it read. Where neither the
    projection nor the endpoint knows of a cached token there is no word of it."""
    counted = [
        (r, read, whole) for r in asked.rows
        if (read := r.cache_read_tokens) is not None and (whole := r.input_tokens) is not None
    ]  # fmt: skip
    whole, planned = (
        sum(n for _, _, n in counted),
        sum(r.item.predicted.input_tokens for r, _, _ in counted),
    )
    if not whole or not planned:
        return Found()
    predicted = sum(r.item.predicted.cache_read_tokens for r, _, _ in counted) / planned
    measured = sum(read for _, read, _ in counted) / whole
    if not predicted and not measured:
        return Found()
    rows = [quantity("cached_share", predicted, measured, "share", len(counted))]
    return Found(rows, f"{percent(predicted)} -> {percent(measured)} % hit")
