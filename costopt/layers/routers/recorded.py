"""Which model did well, as measured: by a column of the log, or by groups that both answered."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.namespace import combined
from costopt.layers.parts.routing_evidence import UNKNOWN
from costopt.layers.parts.tiers import TIERS
from costopt.layers.routers.base import NOWHERE, Asked, Decided, column, nothing
from costopt.layers.routers.scored import NO_LABELS, lower_targets

Int = NDArray[np.int64]
Mask = NDArray[np.bool_]
_ONE_SIDED_95 = 1.645


def decide(asked: Asked) -> Decided:
    """From `decisions` where that is given, else the cheapest tier that lost little in the call's group."""
    if asked.route.decisions:
        return from_column(asked)
    if not (asked.labelled.right != UNKNOWN).any():
        return nothing(asked, NO_LABELS.format(asked.route.labels))
    group = _groups(asked)
    tier = np.full(asked.view.trace.n, NOWHERE, np.int8)
    for target in lower_targets(asked):
        twin = asked.labelled.twin_right(asked.targets.logged_as(target))
        for later in (False, True):
            half = asked.labelled.later == later
            holds = _holds(asked, group, twin, ~half)  # each half decided by the other
            tier[asked.rows & half & (tier == NOWHERE) & holds[group]] = target.tier
    return Decided(tier, judged=asked.labelled.later)


def _groups(asked: Asked) -> Int:  # [call]
    columns = [column(asked, part, "by").codes for part in asked.route.by]
    return combined(columns, asked.view.trace.n)


def _holds(asked: Asked, group: Int, twin: NDArray[np.int8], rows: Mask) -> Mask:  # [group]
    """Groups whose loss stays below `max_loss`, one-sided 95 %; Agresti and Min's counts for pairs."""
    right = asked.labelled.right
    judged = rows & asked.rows & (twin != UNKNOWN) & (right != UNKNOWN)
    size = int(group.max(initial=-1)) + 1
    lost = np.bincount(group[judged & (right == 1) & (twin == 0)], minlength=size) + 0.5
    gained = np.bincount(group[judged & (right == 0) & (twin == 1)], minlength=size) + 0.5
    n = np.bincount(group[judged], minlength=size) + 2.0
    error = np.sqrt(np.maximum(lost + gained - (lost - gained) ** 2 / n, 0.0)) / n
    return np.asarray((lost - gained) / n + _ONE_SIDED_95 * error <= asked.route.max_loss)


def from_column(asked: Asked) -> Decided:
    """Tiers as a column of the log names them. Somebody else's decision: nothing was fitted here."""
    said = column(asked, asked.route.decisions, "decisions")
    numbers = [TIERS.index(v) if v in TIERS else NOWHERE for v in said.values]
    tier = np.array(numbers, np.int8)[said.codes]
    return Decided(np.where(asked.rows, tier, NOWHERE).astype(np.int8))
