"""The common beginning of two texts, found by blocks, is what comparing byte by byte finds."""

from __future__ import annotations

import random

import pytest

from costopt.model.beginning import shared_length

SIZES = (0, 1, 63, 64, 65, 319, 320, 321, 1344, 5000)


def plain(first: bytes, second: bytes) -> int:
    pairs = enumerate(zip(first, second, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(first), len(second)))


@pytest.mark.parametrize("size", SIZES)
def test_blocks_find_what_bytes_find(size: int) -> None:
    rng = random.Random(size)
    first = rng.randbytes(size)
    for _ in range(50):
        kept = rng.randrange(size + 1)
        second = first[:kept] + rng.randbytes(rng.choice((0, 1, 100)))
        assert shared_length(first, second) == shared_length(second, first) == plain(first, second)
    assert shared_length(first, first) == size
