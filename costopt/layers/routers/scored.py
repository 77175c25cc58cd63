"""Classifiers that give each call a chance: the cheapest tier whose chance reaches the threshold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.layers.base import ArtifactSpec
from costopt.layers.parts.route_tally import list_worth
from costopt.layers.parts.router_scores import RouterScores
from costopt.layers.parts.tiers import TIERS, Bar, Target
from costopt.layers.routers.base import NOWHERE, Asked, Decided, nothing

NO_LABELS = (
    "The log has no column `{}` with right and wrong answers: nothing can be learnt from it, no call is"
    " moved. Name the column in `labels`, or use classifier: rules."
)
PUSD_PER_USD = 1e12
_LEAST_RISK = 1e-3
"""No chance that was learnt from some hundred labels is nearer to 1 than this."""


def decide_by(asked: Asked, kind: str, *settings: tuple[str, object]) -> Decided:
    """Scores of artifact `kind` for each tier below the top, then the threshold."""
    if not (asked.labelled.right >= 0).any():
        return nothing(asked, NO_LABELS.format(asked.route.labels))
    tier = np.full(asked.view.trace.n, NOWHERE, np.int8)
    scores, notes = [], []
    for target in lower_targets(asked):
        found = _scores(asked, kind, target, settings)
        score, least = _score(asked, target, found)
        scores.append((TIERS[target.tier], score))
        notes.append(f"{target.model}: {found.told}")
        sure = np.nan_to_num(score, nan=-1.0) >= least
        tier[asked.rows & (tier == NOWHERE) & sure] = target.tier
    return Decided(
        tier, judged=asked.labelled.later, score=tuple(scores), notes=tuple(notes),
        detail={"learnt": notes},
    )  # fmt: skip


def lower_targets(asked: Asked) -> list[Target]:
    """Tiers that some decided call may move down to, from the cheapest on."""
    pairs = np.unique(asked.targets.pair[asked.rows]).tolist()
    found = []
    for target in asked.targets.by_tier:
        if target is None:
            continue
        bars = asked.targets.bars(target.tier, asked.prices)
        if any(bars[p] is Bar.NONE for p in pairs):
            found.append(target)
    return found


def _score(asked: Asked, target: Target, found: RouterScores) -> tuple[NDArray[np.float64], float]:
    """([call], from what value on it moves): the chance itself, or dollars saved for an answer lost."""
    value = asked.route.right_answer_usd
    if value is None:
        return found.good, asked.route.threshold
    worth = list_worth(asked, target, np.arange(asked.view.trace.n)) / PUSD_PER_USD
    return worth / np.maximum(1.0 - found.good, _LEAST_RISK), value


def _scores(
    asked: Asked, kind: str, target: Target, settings: tuple[tuple[str, object], ...]
) -> RouterScores:
    names = tuple(
        name for name, known in zip(asked.targets.names, asked.targets.known, strict=True)
        if known == target.canonical
    )  # fmt: skip
    spec = ArtifactSpec(
        kind, (("right", asked.labelled.right.tobytes()), ("target", names), *settings)
    )
    found: RouterScores = asked.artifacts.build(spec, asked.view)
    return found
