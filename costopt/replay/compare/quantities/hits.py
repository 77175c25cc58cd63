"""Answers that a cache would have given, beside the true ones that were asked for now."""

from __future__ import annotations

from costopt.replay.compare.agreement.answers import Answers
from costopt.replay.compare.quantities.base import Asked, Found, percent, quantity


def false_hits(asked: Asked) -> Found:
    """`false 0.8 -> 2.0 %`: the log's own estimate, and the share of cached answers that differ from a fresh
    one. That holds what the model disagrees about with itself: the excess stands beside it."""
    told = [same for same in Answers().same(asked.pairs) if same is not None]
    if not told:
        return Found()
    differ = sum(not same for same in told) / len(told)
    rows = [quantity("differing_hits", asked.layer.risk, differ, "share", len(told))]
    return Found(rows, f"false {percent(asked.layer.risk)} -> {percent(differ)} %")
