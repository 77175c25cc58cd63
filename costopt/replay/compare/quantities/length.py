"""How long answers are beside those of the unchanged call, and how many their limit cut."""

from __future__ import annotations

from costopt.model.leaf import OUTPUT
from costopt.replay.compare.measured import Row
from costopt.replay.compare.pairs import is_mapped
from costopt.replay.compare.quantities.base import Asked, Found, percent, quantity


def length_ratio(asked: Asked) -> Found:
    """`out x1.00->1.07`: output over that of the unchanged call, as this endpoint wrote it, else, where it
    is the logged model itself, as the log has it."""
    told = [
        (r.item.predicted.output_tokens, n, *before) for r in asked.rows
        if (n := r.output_tokens) is not None and (before := _before(asked, r)) is not None
    ]  # fmt: skip
    sums = [sum(column) for column in zip(*told, strict=True)]
    if not sums or not sums[2] or not sums[3]:
        return Found()
    predicted, measured = sums[0] / sums[2], sums[1] / sums[3]
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


def _before(asked: Asked, row: Row) -> tuple[int, int] | None:
    """(output of the unchanged call by the log, as it counts here)."""
    unchanged = asked.unchanged.get(row.item.row)
    logged = asked.known.of(row.item.row)
    if is_mapped(row.item) or logged is None:
        counted = None if unchanged is None else unchanged.output_tokens
        if unchanged is None or counted is None:
            return None
        return unchanged.item.predicted.output_tokens, counted
    recorded = sum(logged.leaves[OUTPUT])
    return recorded, recorded
