"""Pairs of siblings by the order of their texts are those that the texts themselves give."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from costopt.billing.prompt_cache import siblings, text_order
from costopt.billing.prompt_cache.siblings import pairs_of
from costopt.billing.prompt_cache.text_order import TextOrder


class Given:
    """Texts by segment number."""

    def __init__(self, texts: list[str | None]) -> None:
        self.texts = texts

    def get(self, segments: Sequence[int] | NDArray[np.int32]) -> list[str | None]:
        return [self.texts[int(s)] for s in segments]


def at_random(rng: np.random.Generator, n: int) -> list[str | None]:
    """Texts of few letters, so that many begin alike and some are equal."""
    return ["".join(rng.choice(["a", "b", "ä", "\ud800"], rng.integers(0, 9))) for _ in range(n)]


@pytest.mark.parametrize("seed", range(12))
def test_a_part_of_a_family_has_the_pairs_of_its_texts(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (siblings, text_order):
        monkeypatch.setattr(module, "BLOCK", 40)
        monkeypatch.setattr(module, "OVERLAP", 7)
    rng = np.random.default_rng(seed)
    texts = Given(at_random(rng, 150))
    family = rng.permutation(150).astype(np.int32)
    order = TextOrder.of(family, texts)
    assert order is not None
    for share in (1.0, 0.7, 0.2, 0.01):
        ids = family[rng.random(150) < share]
        found = order.pairs(ids)
        given = list(pairs_of(np.arange(len(ids)), ids, texts))
        said = [(p.child, p.other, p.shared_bytes) for p in given]
        assert list(zip(*(column.tolist() for column in found), strict=True)) == said


def test_holds_only_its_own_and_wants_every_text() -> None:
    order = TextOrder.of(np.array([4, 1], np.int32), Given(["", "x", "", "", "xy"]))
    assert order is not None
    assert order.holds(np.array([1, 4, 1], np.int32))
    assert not order.holds(np.array([1, 2], np.int32))
    assert TextOrder.of(np.array([0, 1], np.int32), Given(["x", None])) is None
