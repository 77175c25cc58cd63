"""How long the answers of a group get: the limit that nearly all of them keep."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.namespace import combined
from costopt.model.trace import Categorical

Int = NDArray[np.int64]
ENOUGH = 100
"""Answers of a group before its 99th percentile means anything; below, the longest one is taken."""
QUANTILE = 0.99


def group_codes(parts: Sequence[Categorical], n: int) -> Int:  # [call]
    """One code for each combination."""
    return combined([part.codes for part in parts], n)


def limits_of(
    written: Int, group: Int, rows: NDArray[np.bool_], margin: float
) -> Int:  # [call], 0: the group has no answer to learn from
    """The percentile of each group's own answers times the margin, up to a whole token."""
    found = np.zeros(int(group.max(initial=-1)) + 1, np.int64)
    chosen = np.flatnonzero(rows & (written > 0))
    order = chosen[np.lexsort((written[chosen], group[chosen]))]
    for part in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        if len(part):
            # The smallest answer that at least 99 % of the group do not exceed.
            place = int(np.ceil(QUANTILE * len(part))) - 1 if len(part) >= ENOUGH else -1
            found[group[part[0]]] = int(np.ceil(written[part[place]] * margin))
    return found[group] if len(found) else np.zeros(len(written), np.int64)
