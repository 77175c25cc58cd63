"""Near in meaning, as an embedding sees it: a second look at free text, and no proof.

Two answers that differ in one number lie close to each other in any embedding. So this stands beside the
headline and never in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from costopt.replay.compare.agreement.base import Pair

AT_LEAST = 0.9
"""Cosine from which on two answers count as the same. Assumed, as `semantic_cache.judge_similarity` is: look
at the pairs in the diff."""


class Similarity(Protocol):
    """What makes vectors of texts; deterministic."""

    @property
    def name(self) -> str:
        """The embedder, as shown to people."""
        ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """[text, dimension], of length 1."""
        ...


@dataclass(frozen=True)
class Similar:
    """Fits every pair with a text on both sides."""

    similarity: Similarity
    at_least: float = AT_LEAST
    name: str = "similarity"
    _known: dict[str, float] = field(default_factory=dict, repr=False, compare=False)
    """Pair to its cosine: the same pairs are asked about for layer, noise and worst."""

    def same(self, pairs: Sequence[Pair]) -> list[bool | None]:
        """[pair]"""
        cosines = self.cosines(pairs)
        return [None if c is None else c >= self.at_least for c in cosines]

    def cosines(self, pairs: Sequence[Pair]) -> list[float | None]:
        """[pair]; None: one of the two is empty."""
        new = {p.id: p for p in pairs if p.id not in self._known and _fits(p)}
        if new:
            ordered = list(new.values())
            texts = [p.reference.words for p in ordered] + [p.answer.words for p in ordered]
            vectors = self.similarity.embed(texts)
            one, other = vectors[: len(ordered)], vectors[len(ordered) :]
            found = np.einsum("ij,ij->i", one, other)
            self._known.update(zip(new, np.clip(found, -1, 1).tolist(), strict=True))
        return [self._known.get(p.id) if _fits(p) else None for p in pairs]


def _fits(pair: Pair) -> bool:
    return bool(pair.reference.words) and bool(pair.answer.words)
