"""Classifiers that give each call a chance: the cheapest tier whose chance reaches the threshold."""

from __future__ import annotations

import numpy as np

from costopt.layers.base import ArtifactSpec
from costopt.layers.parts.router_scores import RouterScores
from costopt.layers.parts.tiers import TIERS, Bar, Target
from costopt.layers.routers.base import NOWHERE, Asked, Decided, nothing

NO_LABELS = (
    "The log has no column `{}` with right and wrong answers: nothing can be learnt from it, no call is"
    " moved. Name the column in `labels`, or use classifier: rules."
)


def decide_by(asked: Asked, kind: str, *settings: tuple[str, object]) -> Decided:
    """Scores of artifact `kind` for each tier below the top, then the threshold."""
    if not (asked.labelled.right >= 0).any():
        return nothing(asked, NO_LABELS.format(asked.route.labels))
    tier = np.full(asked.view.trace.n, NOWHERE, np.int8)
    scores, notes = [], []
    for target in lower_targets(asked):
        found = _scores(asked, kind, target, settings)
        scores.append((TIERS[target.tier], found.good))
        notes.append(f"{target.model}: {found.told}")
        sure = np.nan_to_num(found.good, nan=-1.0) >= asked.route.threshold
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


def _scores(
    asked: Asked, kind: str, target: Target, settings: tuple[tuple[str, object], ...]
) -> RouterScores:
    names = tuple(
        name for name, known in zip(asked.targets.names, asked.targets.known, strict=True)
        if known == target.canonical
    )  # fmt: skip
    spec = ArtifactSpec(kind, (("labels", asked.route.labels), ("target", names), *settings))
    found: RouterScores = asked.artifacts.build(spec, asked.view)
    return found
