"""`blocks.PlainBlocks` in arrays, compiled: the same blocks are found, taken and forgotten.

Free blocks are one doubly linked ring through a sentinel; block ids are dense numbers, so that the
look-up is an array and finding a prefix costs one read a block.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from costopt.serving.core.jit import jit
from costopt.serving.core.terms import Int


class Pool(NamedTuple):
    """`idle[0]`: free blocks. The sentinel of the ring is the block after the last."""

    after: Int
    before: Int
    holders: Int
    id_of: Int
    block_of: Int
    idle: Int


def make_pool(blocks: int, ids: int) -> Pool:
    """All blocks free, in order, nothing remembered; no `ids`: their number alone counts."""
    free, blocks = blocks, blocks if ids else 0
    ring = np.arange(blocks + 1, dtype=np.int64)
    after, before = (ring + 1) % (blocks + 1), (ring - 1) % (blocks + 1)
    return Pool(
        after,
        before,
        np.zeros(blocks, np.int64),
        np.full(blocks, -1, np.int64),
        np.full(max(ids, 1), -1, np.int64),
        np.array([free], np.int64),
    )


@jit
def unlink(pool: Pool, block: int) -> None:
    """Out of the ring of free blocks."""
    after, before = pool.after[block], pool.before[block]
    pool.after[before], pool.before[after] = after, before
    pool.idle[0] -= 1


@jit
def hold(pool: Pool, block: int) -> None:
    if pool.holders[block] == 0:
        unlink(pool, block)
    pool.holders[block] += 1


@jit
def take(pool: Pool) -> int:
    block = pool.after[len(pool.holders)]
    unlink(pool, block)
    if pool.id_of[block] >= 0:
        pool.block_of[pool.id_of[block]] = -1
        pool.id_of[block] = -1
    pool.holders[block] = 1
    return block


@jit
def name(pool: Pool, block: int, one: int) -> None:
    if pool.id_of[block] < 0 and pool.block_of[one] < 0:
        pool.id_of[block], pool.block_of[one] = one, block


@jit
def give_back(pool: Pool, block: int) -> None:
    """To the end of the ring, once nobody holds it."""
    pool.holders[block] -= 1
    if pool.holders[block] == 0:
        end = len(pool.holders)
        last = pool.before[end]
        pool.after[last], pool.before[block] = block, last
        pool.after[block], pool.before[end] = end, block
        pool.idle[0] += 1


@jit
def find(pool: Pool, ids: Int, start: int, end: int, held: Int) -> tuple[int, int]:
    """How many blocks of the prefix are cached (written into `held`) and how many of them are free."""
    found = free = 0
    while start + found < end:
        block = pool.block_of[ids[start + found]]
        if block < 0:
            break
        held[found] = block
        free += pool.holders[block] == 0
        found += 1
    return found, free


@jit
def hits_of(offsets: Int, ids: Int, pool: Pool, held: Int, hits: Int) -> None:
    """`blocks.plain_hits`."""
    most = len(pool.holders)
    for row in range(len(offsets) - 1):
        start = offsets[row]
        end = min(offsets[row + 1], start + most)
        found, _ = find(pool, ids, start, end, held)
        hits[row] = found
        for i in range(found):
            hold(pool, held[i])
        for i in range(found, end - start):
            held[i] = take(pool)
            name(pool, held[i], ids[start + i])
        for i in range(end - start - 1, -1, -1):
            give_back(pool, held[i])
