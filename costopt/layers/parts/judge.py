"""A second opinion on free text: another embedder, or a sample of judged pairs, says what means the same.

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


@dataclass(frozen=True, eq=False)
class JudgedPairs:
    """A sample of pairs of calls whose answers somebody (a person, a model) has held side by side."""

    name: str
    first: Int  # [pair]: call
    second: Int  # [pair]: call behind it; pairs are sorted
    same: NDArray[np.bool_]  # [pair]
    calls: int

    @classmethod
    def of(cls, name: str, pairs: dict[tuple[int, int], bool], calls: int) -> JudgedPairs:
        """`pairs`: (lower row, higher row) to whether the answers mean the same."""
        ordered = sorted(pairs)
        rows = np.array(ordered, np.int64).reshape(-1, 2)
        same = np.array([pairs[p] for p in ordered], np.bool_)
        return cls(name, rows[:, 0], rows[:, 1], same, calls)

    def judged(self, compared: Compared, first: Int, second: Int) -> Compared:
        """Free text of the sample becomes the same or different; all other stays not identical."""
        known = self.first * self.calls + self.second
        if not len(known):
            return compared
        asked = np.minimum(first, second) * self.calls + np.maximum(first, second)
        place = np.minimum(np.searchsorted(known, asked), len(known) - 1)
        told = (known[place] == asked) & (compared.verdict == Verdict.NOT_IDENTICAL)
        verdict = compared.verdict.copy()
        verdict[told] = np.where(self.same[place[told]], Verdict.SAME, Verdict.DIFFERENT)
        return replace(compared, verdict=verdict)


def sampled(plain: Compared, compared: Compared) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """(hits that can be counted, hits that each stands for) where free text was judged by a sample.

    Each judged pair stands for its share of all free text that is not identical: true if the sample was
    drawn at random. Where none of it was judged, all of it counts, as false.
    """
    loose = plain.verdict == Verdict.NOT_IDENTICAL
    told = loose & (compared.verdict != Verdict.NOT_IDENTICAL)
    weight = np.ones(len(loose))
    if not told.any():
        return plain.known, weight
    weight[told] = loose.sum() / told.sum()
    return plain.known & (~loose | told), weight
