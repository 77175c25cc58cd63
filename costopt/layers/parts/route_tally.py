"""What a router did, in counts that add up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from costopt.layers.parts.moves import Moves
from costopt.layers.parts.routing_evidence import UNKNOWN, beside_the_line, pair_tally
from costopt.layers.parts.tiers import BAR_WORDS, TIERS, Bar, Target, list_rates
from costopt.model.effect import Charge
from costopt.model.leaf import INPUT, OUTPUT

if TYPE_CHECKING:
    from costopt.layers.routers.base import Asked, Decided

Int = NDArray[np.int64]
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


@dataclass(frozen=True)
class Judged:
    """The calls that could move to a tier and that both models answered before a judge."""

    rows: Int  # [judged]: the call
    own: NDArray[np.int8]
    twin: NDArray[np.int8]
    worth: Int
    """What a move saves at list price, in pico-dollars."""

    @classmethod
    def of(cls, asked: Asked, decided: Decided, target: Target) -> Judged:
        twin = asked.labelled.twin_right(asked.targets.logged_as(target))
        known = (twin != UNKNOWN) & (asked.labelled.right != UNKNOWN)
        rows = np.flatnonzero(known & judged_rows(asked, decided, target.tier))
        worth = list_worth(asked, target, rows)
        return cls(rows, asked.labelled.right[rows], twin[rows], worth)

    def beside(self, moved: Mask) -> dict[str, Any] | None:
        """`moved`: [call]."""
        return beside_the_line(self.own, self.twin, moved[self.rows], self.worth)


def quality(asked: Asked, decided: Decided, moves: Moves) -> dict[str, dict[str, Any]]:
    """By tier: the router beside the line, where anything was judged."""
    out = {}
    for target in asked.targets.by_tier:
        if target is not None:
            moved = moves.moved & (decided.tier == target.tier)
            found = Judged.of(asked, decided, target).beside(moved)
            if found is not None:
                out[TIERS[target.tier]] = found
    return out


def judged_rows(asked: Asked, decided: Decided, tier: int) -> Mask:
    """Calls that could move down to this tier, where nothing was fitted on their own labels."""
    bars = asked.targets.bars(tier, asked.prices)
    free = np.array([bar is Bar.NONE for bar in bars], np.bool_)[asked.targets.pair]
    rows = asked.rows & free
    return rows if decided.judged is None else rows & decided.judged


def list_worth(asked: Asked, target: Target, rows: Int) -> Int:
    """[row]: what the same tokens cost less at the target's list price; never below 0."""
    there = list_rates(target.canonical, asked.prices) or (0, 0)
    gap = [
        (0, 0) if rates is None else (rates[0] - there[0], rates[1] - there[1])
        for rates in (
            None if known is None else list_rates(known, asked.prices)
            for known in asked.targets.known
        )
    ]
    each = np.array(gap, np.int64).reshape(-1, 2)[asked.targets.pair[rows]]
    leaves = asked.view.leaves[rows]
    tokens = np.stack((leaves[:, INPUT].sum(axis=1), leaves[:, OUTPUT].sum(axis=1)), axis=1)
    return np.maximum((tokens * each).sum(axis=1), 0)


def _pairs(asked: Asked, decided: Decided, moves: Moves, tier: int) -> dict[str, int]:
    target = asked.targets.by_tier[tier]
    if target is None:
        return {}
    twin = asked.labelled.twin_right(asked.targets.logged_as(target))
    rows = judged_rows(asked, decided, tier)
    moved = moves.moved & (decided.tier == tier)
    return pair_tally(TIERS[tier], asked.labelled, twin, rows, moved)


def curve(asked: Asked, decided: Decided) -> list[dict[str, Any]]:
    """By threshold, for the cheapest tier that was scored: share moved and accuracy, beside the line.

    Thresholds at which equally many more calls would move, not equally spaced ones.
    """
    if not decided.score:
        return []
    name, score = decided.score[0]
    target = asked.targets.by_tier[TIERS.index(name)]
    if target is None:
        return []
    judged = Judged.of(asked, decided, target)
    points = []
    for threshold in _thresholds(score[judged.rows]):
        found = judged.beside(np.nan_to_num(score, nan=-1.0) >= threshold)
        if found is not None:
            points.append({"threshold": threshold, **found})
    return points


def _thresholds(score: NDArray[np.float64]) -> list[float]:
    known = score[~np.isnan(score)]
    if not len(known):
        return []
    # Values that occur, so that a threshold takes the calls whose score it was.
    marks = np.quantile(known, np.linspace(0.0, 1.0, _CURVE_POINTS), method="lower")
    return sorted(set(marks.tolist()))
