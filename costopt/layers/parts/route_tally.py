"""What a router did, in counts that add up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from costopt.layers.parts.moves import Moves
from costopt.layers.parts.routing_evidence import Pairs, pair_tally
from costopt.layers.parts.tiers import BAR_WORDS, TIERS, Bar
from costopt.model.effect import Charge
from costopt.model.leaf import INPUT, OUTPUT

if TYPE_CHECKING:
    from costopt.layers.routers.base import Asked, Decided

Mask = NDArray[np.bool_]
_CURVE_POINTS = 21


def tally_of(
    asked: Asked, decided: Decided, moves: Moves, attempts: tuple[Charge, ...]
) -> dict[str, int]:
    """Calls asked about, decided, moved, kept by reason; tokens; judged pairs by tier."""
    moved, view = moves.moved, asked.view
    out = {
        "asked_calls": int(asked.rows.sum()),
        "decided_calls": int((asked.rows & (decided.tier >= 0)).sum()),
        "moved_calls": int(moved.sum()),
        "calls_without_text": int((moved & moves.without_text).sum()),
        "input_tokens_before": int(view.leaves[moved][:, INPUT].sum()),
        "input_tokens_after": int(moves.leaves[moved][:, INPUT].sum()),
        "output_tokens_before": int(view.leaves[moved][:, OUTPUT].sum()),
        "output_tokens_after": int(moves.leaves[moved][:, OUTPUT].sum()),
        "rejected_attempts": sum(len(c.rows) for c in attempts),
        "labelled_calls": int((asked.labelled.right >= 0).sum()),
    }
    for bar, word in BAR_WORDS.items():
        out[f"kept.{word}"] = int((asked.rows & (moves.bar == bar)).sum())
    for code, told in enumerate(moves.told):
        calls = int((moved & (moves.move == code)).sum())
        for part in ("output", "reasoning"):
            key = f"{part}.{told[f'{part}_basis']}"
            out[key] = out.get(key, 0) + calls
        key = f"moved.{told['tier']}"
        out[key] = out.get(key, 0) + calls
    for target in asked.targets.by_tier:
        if target is not None:
            out |= _pairs(asked, decided, moves, target.tier)
    return out


def judged_rows(asked: Asked, decided: Decided, tier: int) -> Mask:
    """Calls that could move down to this tier, where nothing was fitted on their own labels."""
    bars = asked.targets.bars(tier, asked.prices)
    free = np.array([bar is Bar.NONE for bar in bars], np.bool_)[asked.targets.pair]
    rows = asked.rows & free
    return rows if decided.judged is None else rows & decided.judged


def _pairs(asked: Asked, decided: Decided, moves: Moves, tier: int) -> dict[str, int]:
    target = asked.targets.by_tier[tier]
    if target is None:
        return {}
    twin = asked.labelled.twin_right(asked.targets.logged_as(target))
    rows = judged_rows(asked, decided, tier)
    moved = moves.moved & (decided.tier == tier)
    return pair_tally(TIERS[tier], asked.labelled, twin, rows, moved)


def curve(asked: Asked, decided: Decided, moves: Moves) -> list[dict[str, Any]]:
    """By threshold, for the cheapest tier that was scored: share moved and accuracy, beside the line.

    Thresholds at which equally many more calls would move, not equally spaced ones.
    """
    if not decided.score:
        return []
    name, score = decided.score[0]
    tier = TIERS.index(name)
    target = asked.targets.by_tier[tier]
    if target is None:
        return []
    twin = asked.labelled.twin_right(asked.targets.logged_as(target))
    rows = judged_rows(asked, decided, tier) & ~np.isnan(score)
    points = []
    for threshold in _thresholds(score[rows]):
        pairs = Pairs.of(pair_tally(name, asked.labelled, twin, rows, score >= threshold), (name,))
        found = pairs.against_the_line()
        if found is not None:
            points.append({"threshold": threshold, **found})
    return points


def _thresholds(score: NDArray[np.float64]) -> list[float]:
    if not len(score):
        return []
    marks = np.quantile(score, np.linspace(0.0, 1.0, _CURVE_POINTS))
    # Rounded down, so that a threshold takes the calls whose score it was.
    return sorted(set((np.floor(marks * 10_000) / 10_000).tolist()))
