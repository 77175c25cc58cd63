"""The built-in embedder: weighted n-grams of letters and words, projected to a few hundred numbers.

It needs no download and no model, runs at some megabytes a second, and gives the same vector anywhere.

## Good at
The same question with other spelling, inflection, word order or small additions; templates whose
filled-in part differs; finding what is nearly the same text.

## Bad at
Paraphrases in other words (it finds none), and one word that turns the meaning (`not`, a number, a
name, a date): two texts that differ in it look nearly the same. Its similarities are lower than a neural
embedder's, so a threshold does not carry over from one to the other.

## How
Words and pairs of words, and runs of 3 to 5 characters inside words; counts damped (1 + ln n), weighted
by rarity in this log (ln((1 + N) / (1 + n)) + 1, over at most 20,000 of its user messages), hashed, and
projected by a sparse random matrix with signs (Achlioptas 2003, https://doi.org/10.1016/S0022-0000(03)00025-4,
checked 2026-11-24). The projection blurs a cosine c by about (1 - c^2) / sqrt(384).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.accel.artifacts.content import digest_of
from costopt.accel.embed import Vectors, normalised
from costopt.accel.embed.ngrams import FEATURE_BITS, ngrams
from costopt.model.scramble import scrambled

DIMENSIONS = 384
"""As small sentence models have: a neighbour graph costs the same then."""
SIGNS = 2
"""Non-zero entries of the matrix by feature: more blur no less, docs/decisions/built-in-embedder.md."""
_CHARACTERS = 2_000_000
"""Texts taken at once: bounds the memory of their n-grams (about 100 bytes a character)."""
VERSION = 1


@dataclass(frozen=True, eq=False)
class Builtin:
    """Fitted weights; `embed` is then a function of the text alone."""

    weight: NDArray[np.float32]  # [hashed feature]: rarity in the log
    version: str
    name: str = "builtin (n-grams)"
    keeps: bool = True

    @classmethod
    def fitted(cls, corpus: Sequence[str]) -> Builtin:
        """Learn how rare each n-gram is in these texts."""
        seen = np.zeros(1 << FEATURE_BITS, np.int64)
        for chunk in _chunks(corpus):
            seen += np.bincount(ngrams(chunk).feature, minlength=len(seen))
        weight = (np.log((1 + len(corpus)) / (1 + seen)) + 1).astype(np.float32)
        fit = digest_of(seen, str(len(corpus))).hex()[:16]
        return cls(weight, f"builtin-{VERSION}-{DIMENSIONS}-{fit}")

    def embed(self, texts: Sequence[str]) -> Vectors:
        parts = [self._embedded(chunk) for chunk in _chunks(texts)]
        return np.concatenate(parts) if parts else np.zeros((0, DIMENSIONS), np.float32)

    def _embedded(self, texts: Sequence[str]) -> Vectors:
        found = ngrams(texts)
        value = (1 + np.log(found.count)) * self.weight[found.feature]
        out = np.zeros(len(texts) * DIMENSIONS)
        drawn = found.feature.astype(np.uint64)
        for _ in range(SIGNS):
            drawn = scrambled(drawn)
            column = ((drawn >> np.uint64(33)) % np.uint64(DIMENSIONS)).astype(np.int64)
            sign = np.where(drawn & np.uint64(1), value, -value)
            out += np.bincount(found.text * DIMENSIONS + column, sign, minlength=len(out))
        return normalised(out.reshape(len(texts), DIMENSIONS))


def _chunks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """The texts in parts of bounded size."""
    first, size = 0, 0
    for i, text in enumerate(texts):
        if size and size + len(text) > _CHARACTERS:
            yield texts[first:i]
            first, size = i, 0
        size += len(text) + 1
    if first < len(texts):
        yield texts[first:]
