"""Counts of segment uses: by one table, model by model, and one by one."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from costopt.billing.prompt_cache import lengths
from costopt.billing.prompt_cache.lengths import counted_uses
from costopt.model.trace import Ragged


class ByModel:
    """A segment's number times the length of the model's name; asked once for each."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, str]] = []

    def count(self, segments: NDArray[np.int32], model: str) -> NDArray[np.int64]:
        self.asked += [(s, model) for s in segments.tolist()]
        return segments.astype(np.int64) * len(model)

    def label(self, model: str) -> str:
        return "exact"

    def common_prefix(self, first: int, second: int, model: str) -> int:
        return 0


@pytest.mark.parametrize("table", [0, 1_000_000])
@pytest.mark.parametrize("seed", range(8))
def test_all_ways_count_alike(seed: int, table: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lengths, "_TABLE", table if table else -(10**9))
    rng, models = np.random.default_rng(seed), ("", "a", "bb", "ccc")
    sizes = rng.integers(0, 5, 20)
    offsets = np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)
    ids = rng.integers(0, 9, offsets[-1]).astype(np.int32)
    codes = rng.integers(0, 1 + seed % 4, 20).astype(np.int32)
    counter = ByModel()
    found = counted_uses(codes, models, Ragged(offsets, ids, np.zeros(len(ids), np.uint8)), counter)
    names = [models[c] for c in np.repeat(codes, sizes).tolist()]
    assert found.tolist() == [i * len(m) for i, m in zip(ids.tolist(), names, strict=True)]
    assert len(counter.asked) == len(set(counter.asked))
    assert set(counter.asked) == set(zip(ids.tolist(), names, strict=True))


def test_nothing_to_count() -> None:
    empty = Ragged(np.zeros(4, np.int64), np.zeros(0, np.int32), np.zeros(0, np.uint8))
    assert len(counted_uses(np.zeros(3, np.int32), ("m",), empty, ByModel())) == 0
