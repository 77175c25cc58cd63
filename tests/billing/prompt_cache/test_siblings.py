"""The earlier sibling that shares most bytes, against the plain way: compare with all of them."""

from __future__ import annotations

import random

import numpy as np
import pytest

from costopt.billing.prompt_cache import lineage, siblings
from costopt.billing.prompt_cache.siblings import pairs_of
from costopt.model.beginning import shared_length
from tests.billing.prompt_cache.world import prefixes, sent

SYSTEM = "system:" + "s" * 40


class Given:
    def __init__(self, texts: list[str | None]) -> None:
        self.texts = texts

    def get(self, segments: np.ndarray) -> list[str | None]:
        return [self.texts[int(i)] for i in segments]


def texts_at_random(seed: int, n: int) -> list[str]:
    rng = random.Random(seed)
    return [
        "".join(rng.choice("ab") for _ in range(rng.randint(1, 12))) + f"#{i}" for i in range(n)
    ]


def best(pairs: list[siblings.Pair]) -> dict[int, int]:
    found: dict[int, int] = {}
    for pair in pairs:
        found[pair.child] = max(found.get(pair.child, 0), pair.shared_bytes or 0)
    return found


@pytest.mark.parametrize("seed", range(30))
def test_the_best_earlier_sibling_is_found(seed: int) -> None:
    texts = texts_at_random(seed, 3 + seed)
    family = np.arange(len(texts))
    found = best(list(pairs_of(family, family.astype(np.int32), Given(list(texts)))))
    data = [t.encode() for t in texts]
    for child in range(1, len(texts)):
        plain = max(shared_length(data[child], data[other]) for other in range(child))
        assert found.get(child, 0) == plain


def test_lots_see_their_predecessors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(siblings, "BLOCK", 16)
    monkeypatch.setattr(siblings, "OVERLAP", 4)
    texts = texts_at_random(1, 100)
    family = np.arange(100)
    pairs = list(pairs_of(family, family.astype(np.int32), Given(list(texts))))
    assert {p.child for p in pairs} <= set(range(1, 100)) and len({p.child for p in pairs}) > 90
    assert all(0 < p.child - p.other < 16 for p in pairs)
    assert len({(p.child, p.other) for p in pairs}) == len(pairs), "no pair twice"


def test_without_texts_the_newest_sibling_is_asked_of_the_counter() -> None:
    family = np.arange(3)
    for texts in (None, Given(["a", None, "b"])):
        pairs = list(pairs_of(family, family.astype(np.int32), texts))
        assert [(p.child, p.other, p.shared_bytes) for p in pairs] == [(1, 0, None), (2, 1, None)]


def test_common_bytes_stand_for_tokens_where_siblings_are_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = [
        sent(9.0 * i, [SYSTEM, f"user:{'u' * (i % 7)}{i:03d}"], session_id=str(i))
        for i in range(40)
    ]
    counted = prefixes(calls).shared_tokens
    monkeypatch.setattr(lineage, "EXACT_SIBLINGS", 0)
    assert (prefixes(calls).shared_tokens == counted).all()
