"""A second opinion on free text: an embedder other than the cache's own says whether answers mean the same.

A cache's own embedder would find the answers to questions that it took for alike, alike. Another one is
no proof either: two answers that differ in one number are near to each other in any embedding. So the
share of not identical answers stays beside the judged one, as the upper bound.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from costopt.layers.parts.answers import Compared, Verdict

Int = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Judge:
    """Vectors of free-text answers. `at_least`: the similarity from which on two mean the same."""

    name: str
    vectors: NDArray[np.float32]  # [answer], of length 1
    row: Int  # [call]: its answer's vector; -1: no free text
    at_least: float

    def judged(self, compared: Compared, first: Int, second: Int) -> Compared:
        """Free text that is not identical becomes the same or different. `first`, `second`: calls."""
        one, other = self.row[first], self.row[second]
        open_pairs = (compared.verdict == Verdict.NOT_IDENTICAL) & (one >= 0) & (other >= 0)
        at = np.flatnonzero(open_pairs)
        verdict = compared.verdict.copy()
        alike = np.einsum("ij,ij->i", self.vectors[one[at]], self.vectors[other[at]])
        verdict[at] = np.where(alike >= self.at_least, Verdict.SAME, Verdict.DIFFERENT)
        return replace(compared, verdict=verdict)
