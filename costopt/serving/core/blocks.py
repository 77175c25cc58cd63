"""KV blocks and their prefix cache by vLLM's rules: the plain twin, which is the specification.

A block that no sequence holds keeps its content until it is taken. Blocks are taken from the end
that was given back longest ago; a sequence gives its blocks back last block first, so that the head
of a prompt lives longest. Only full blocks have an id (the hash of everything up to their end), and
a prefix is found block by block until the first miss.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence


class PlainBlocks:
    """The pool of one replica."""

    def __init__(self, blocks: int) -> None:
        self.free: OrderedDict[int, None] = OrderedDict.fromkeys(range(blocks))
        self.holders = [0] * blocks
        self.id_of: dict[int, int] = {}
        self.block_of: dict[int, int] = {}

    def find(self, ids: Iterable[int]) -> list[int]:
        """Cached blocks of the longest known prefix."""
        found: list[int] = []
        for one in ids:
            if one not in self.block_of:
                break
            found.append(self.block_of[one])
        return found

    def fits(self, new: int, found: Sequence[int]) -> bool:
        """Whether `new` blocks are left once the found ones are held."""
        idle = sum(self.holders[block] == 0 for block in found)
        return new <= len(self.free) - idle

    def hold(self, block: int) -> None:
        """A found block gets one more holder."""
        if self.holders[block] == 0:
            del self.free[block]
        self.holders[block] += 1

    def take(self) -> int:
        """The block given back longest ago; what it remembered is gone."""
        block, _ = self.free.popitem(last=False)
        known = self.id_of.pop(block, None)
        if known is not None:
            del self.block_of[known]
        self.holders[block] = 1
        return block

    def name(self, block: int, one: int) -> None:
        """The block is full now and can be found; a second copy of the same content stays nameless."""
        if block not in self.id_of and one not in self.block_of:
            self.id_of[block], self.block_of[one] = one, block

    def give_back(self, blocks: Sequence[int]) -> None:
        """Last block first."""
        for block in reversed(blocks):
            self.holders[block] -= 1
            if self.holders[block] == 0:
                self.free[block] = None


def plain_hits(offsets: Sequence[int], ids: Sequence[int], blocks: int) -> list[int]:
    """[request] blocks found when requests come one after another, each done before the next.

    The longest known prefix is found; then the request holds all its blocks at once and gives them
    back. What a cache of so many blocks could give at best for this order; a request longer than
    the whole cache finds what is there and leaves its head.
    """
    pool, hits = PlainBlocks(blocks), []
    for start, end in zip(offsets[:-1], offsets[1:], strict=True):
        own = ids[start:end][:blocks]
        held = pool.find(own)
        hits.append(len(held))
        for block in held:
            pool.hold(block)
        for one in own[len(held) :]:
            held.append(pool.take())
            pool.name(held[-1], one)
        pool.give_back(held)
    return hits
