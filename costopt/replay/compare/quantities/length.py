"""How long answers are beside those of the unchanged call, and how many their limit cut."""

from __future__ import annotations

from costopt.replay.compare.lengths import lengths
from costopt.replay.compare.measured import Row
from costopt.replay.compare.quantities.base import Asked, Found, percent, quantity


def length_ratio(asked: Asked) -> Found:
    """`out x1.00->1.07`: output over that of the unchanged call (see `compare.lengths`)."""
    told = lengths(asked.rows, asked.unchanged, asked.known)
    before, planned = sum(t.before for t in told), sum(t.predicted_before for t in told)
    if not before or not planned:
        return Found()
    predicted = sum(t.row.item.predicted.output_tokens for t in told) / planned
    measured = sum(t.after for t in told) / before
    rows = [quantity("output_ratio", predicted, measured, "ratio", len(told))]
    return Found(rows, f"out x{predicted:.2f}->{measured:.2f}")


def truncated(asked: Asked) -> Found:
    """`cut 0.4 -> 1.2 %`: answers that ended at the layer's own limit."""
    limited = [r for r in asked.rows if _own_limit(r)]
    if not limited:
        return Found()
    cut = sum(r.cut for r in limited) / len(limited)
    rows = [quantity("truncated_share", asked.layer.risk, cut, "share", len(limited))]
    return Found(rows, f"cut {percent(asked.layer.risk)} -> {percent(cut)} %")


def _own_limit(row: Row) -> bool:
    """The request's limit binds, not the replay's own cap below it."""
    own, cap = row.item.request.max_tokens, row.item.request.cap_tokens
    return own is not None and (cap is None or own <= cap)
