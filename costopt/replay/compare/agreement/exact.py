"""Word for word, white space aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from costopt.replay.compare.agreement.base import Pair


@dataclass(frozen=True)
class Exact:
    """Fits every pair. At temperature above 0 the noise floor is low: free text seldom repeats itself."""

    name: str = "exact"

    def same(self, pairs: Sequence[Pair]) -> list[bool | None]:
        """[pair]"""
        return [pair.reference.words == pair.answer.words for pair in pairs]
