"""The mark to beat: previous prompt of the session, floored to 128, times one efficiency a gap class.

It does not look at the bytes. Chances of a hit are its frequencies in the same classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.model.trace import Trace

CLASSES = ("first call", "under 60 s", "60 to 300 s", "over 300 s")


@dataclass(frozen=True)
class TenLines:
    """Fitted on the chosen rows of one trace; applies to any."""

    efficiency: dict[tuple[str, int], float]
    hit: dict[tuple[str, int], float]

    @classmethod
    def fitted(cls, trace: Trace, group: NDArray[np.str_], rows: NDArray[np.bool_]) -> TenLines:
        base, gap = previous_prompt(trace)
        efficiency, hit = {}, {}
        for name in np.unique(group).tolist():
            for number in range(len(CLASSES)):
                seen = rows & (group == name) & (gap == number)
                seen = seen if seen.any() else rows & (group == name)
                read = trace.cache_read[seen]
                efficiency[name, number] = read.sum() / max(1, base[seen].sum())
                hit[name, number] = ((read > 0).sum() + 0.5) / (len(read) + 1)
        return cls(efficiency, hit)

    def tokens(self, trace: Trace, group: NDArray[np.str_]) -> NDArray[np.float64]:
        base, gap = previous_prompt(trace)
        keys = zip(group.tolist(), gap.tolist(), strict=True)
        return np.minimum(base * np.array([self.efficiency[k] for k in keys]), trace.input_tokens)

    def chance(self, trace: Trace, group: NDArray[np.str_]) -> NDArray[np.float64]:
        _, gap = previous_prompt(trace)
        return np.array([self.hit[k] for k in zip(group.tolist(), gap.tolist(), strict=True)])


def previous_prompt(trace: Trace) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """[call]: its length (a first call: its own), and the class of the gap since."""
    agent = trace.dims["agent"].codes
    before, last = np.full(trace.n, -1), {}
    for row, key in enumerate(zip(trace.session.tolist(), agent.tolist(), strict=True)):
        before[row] = last.get(key, -1)
        last[key] = row
    gap_s = (trace.at_us - trace.at_us[before]) / 1e6
    later = np.where(gap_s < 60, 1, np.where(gap_s <= 300, 2, 3))
    base = np.where(before >= 0, trace.input_tokens[before], trace.input_tokens)
    return base // 128 * 128, np.where(before >= 0, later, 0)


def log_loss(chance: NDArray[np.float64], hit: NDArray[np.bool_]) -> float:
    """Mean surprise a call, in nats."""
    p = np.clip(chance, 1e-6, 1.0 - 1e-6)
    return float(-np.where(hit, np.log(p), np.log(1.0 - p)).mean())
