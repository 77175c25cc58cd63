"""How much shorter the prompt became, beside the same calls sent whole."""

from __future__ import annotations

from costopt.replay.compare.quantities.base import Asked, Found, quantity


def input_kept(asked: Asked) -> Found:
    """`in -61.0 -> -59.8 %`: over calls of which both forms were sent. Without such calls only the
    length of the changed prompt is known."""
    counted = [(r, n) for r in asked.rows if (n := r.input_tokens) is not None]
    if not counted:
        return Found()
    predicted = sum(r.item.predicted.input_tokens for r, _ in counted) / len(counted)
    measured = sum(n for _, n in counted) / len(counted)
    rows = [quantity("input_tokens", predicted, measured, "tokens a call", len(counted))]
    change = _change(asked)
    if change is None:
        return Found(rows, f"in {predicted:,.0f} -> {measured:,.0f} tokens a call")
    told, found, calls = change
    rows.insert(0, quantity("input_change", told, found, "share", calls))
    return Found(rows, f"in {100 * told:+.1f} -> {100 * found:+.1f} %")


def _change(asked: Asked) -> tuple[float, float, int] | None:
    """(predicted, measured, calls): changed over unchanged input, less 1."""
    both = [(r, asked.unchanged[r.item.row]) for r in asked.rows if r.item.row in asked.unchanged]
    counted = [
        (r.item.predicted.input_tokens, n, u.item.predicted.input_tokens, m)
        for r, u in both if (n := r.input_tokens) is not None and (m := u.input_tokens) is not None
    ]  # fmt: skip
    sums = [sum(column) for column in zip(*counted, strict=True)]
    if not sums or not sums[2] or not sums[3]:
        return None
    return sums[0] / sums[2] - 1, sums[1] / sums[3] - 1, len(counted)
