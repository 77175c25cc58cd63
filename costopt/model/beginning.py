"""How much two texts, or two runs of bytes, begin alike."""

from __future__ import annotations

from typing import TypeVar

T = TypeVar("T", str, bytes)
FIRST_BLOCK = 64


def shared_length(first: T, second: T) -> int:
    """Length of the common beginning: compares blocks that grow, then halves the one that differs."""
    low, block, limit = 0, FIRST_BLOCK, min(len(first), len(second))
    while low < limit and first[low : low + block] == second[low : low + block]:
        low += block
        block *= 4
    low, high = min(low, limit), min(low + block - 1, limit)
    while low < high:
        middle = (low + high + 1) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
