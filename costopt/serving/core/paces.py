"""Step costs by load as arrays: what the compiled core reads of `terms.Pace`, a row for each."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from costopt.serving.core.terms import Float, Int, Limits, StepCost, paces


class Paces(NamedTuple):
    """The first axis is the pace, but of `level`. Fields are those of `StepCost` and `Pace`."""

    level: Int
    """[running sequences] its pace."""
    draft_tokens: Int
    verified: Float
    tokens_per_step: Float
    tokens_s: Float
    """[pace, tokens]"""
    head_s: Float
    """[pace, sampled]"""
    base_s: Float
    mixed_s: Float
    seq_s: Float
    kv_s: Float
    kv_window_s: Float
    pair_s: Float
    pair_window_s: Float
    window: int


_RATES = Paces._fields[6:-1]


def stacked(cost: StepCost, limits: Limits) -> Paces:
    """One type a field, so that the kernel is compiled once."""
    found = paces(cost, limits)
    starts = np.array([one.running for one in found], np.int64)
    level = np.searchsorted(starts, np.arange(limits.max_num_seqs + 1), side="right") - 1
    rates: dict[str, Any] = {
        name: np.array([getattr(one.cost, name) for one in found], np.float64) for name in _RATES
    }
    return Paces(
        level.astype(np.int64),
        np.array([one.draft_tokens for one in found], np.int64),
        np.array([one.verified for one in found], np.float64),
        np.array([one.tokens_per_step for one in found], np.float64),
        _table([one.cost.tokens_s for one in found]),
        _table([one.cost.head_s for one in found]),
        window=int(cost.window),
        **rates,
    )


def _table(rows: list[Float]) -> NDArray[np.float64]:
    """Rows of one length; a shorter one goes on with its last slope."""
    longest = max(len(row) for row in rows)
    out = np.empty((len(rows), longest))
    for place, row in enumerate(rows):
        beyond = np.arange(1, longest - len(row) + 1)
        out[place] = np.concatenate((row, row[-1] + beyond * (row[-1] - row[-2])))
    return out
