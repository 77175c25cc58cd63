"""Earlier answers as a tree of their pieces, as numba compiles it; see `suffix_kernel.py`.

Pieces go up to the depth. One that occurred once is not written out: its node points into the corpus, and
is unfolded when a second one comes. Children stand in one open-addressing table (node, token) -> node.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.serving.core.jit import jit

I4 = NDArray[np.int32]
I8 = NDArray[np.int64]

_COUNT, _TOKEN, _BEST, _FOLDED = range(4)
"""Rows of `nodes`: pieces through it, its token, its most frequent child, where its rest is in the corpus."""
_KEY, _NODE = range(2)
_SHIFT = 32
_SPREAD = -7046029254386353131
"""2^64 over the golden ratio as a signed number: spreads keys that lie close together."""


@jit
def _slot(table: I8, key: int) -> int:
    mask = table.shape[1] - 1
    at = ((key * _SPREAD) >> 20) & mask
    while table[_KEY, at] != -1 and table[_KEY, at] != key:
        at = (at + 1) & mask
    return at


@jit
def _child(table: I8, node: int, token: int) -> int:
    at = _slot(table, (node << _SHIFT) | token)
    return table[_NODE, at] if table[_KEY, at] != -1 else -1


@jit
def rehashed(table: I8, size: int) -> I8:
    """The same entries in a larger table; sizes are powers of two."""
    larger = np.full((2, size), -1, np.int64)
    for at in range(table.shape[1]):
        if table[_KEY, at] != -1:
            to = _slot(larger, table[_KEY, at])
            larger[_KEY, to] = table[_KEY, at]
            larger[_NODE, to] = table[_NODE, at]
    return larger


@jit
def _new(nodes: I4, table: I8, used: int, parent: int, token: int, rest: int) -> None:
    nodes[_COUNT, used] = 1
    nodes[_TOKEN, used] = token
    nodes[_BEST, used] = -1
    nodes[_FOLDED, used] = rest
    key = (parent << _SHIFT) | token
    at = _slot(table, key)
    table[_KEY, at] = key
    table[_NODE, at] = used
    if nodes[_BEST, parent] == -1:
        nodes[_BEST, parent] = used


@jit
def insert(begin: int, length: int, depth: int, corpus: I4, nodes: I4, table: I8, used: int) -> int:
    """Adds every piece of an answer; gives the number of nodes."""
    for start in range(begin, begin + length):
        node, place = 0, start
        nodes[_COUNT, 0] += 1
        while place - start < depth and place < begin + length:
            rest = nodes[_FOLDED, node]
            if rest >= 0:
                nodes[_FOLDED, node] = -1
                if corpus[rest] >= 0:
                    _new(nodes, table, used, node, corpus[rest], rest + 1)
                    used += 1
            child = _child(table, node, corpus[place])
            if child == -1:
                _new(nodes, table, used, node, corpus[place], place + 1)
                used += 1
                break
            nodes[_COUNT, child] += 1
            best = nodes[_BEST, node]
            more = nodes[_COUNT, child] - nodes[_COUNT, best]
            if more > 0 or (more == 0 and child < best):
                nodes[_BEST, node] = child
            node = child
            place += 1
    return used


@jit
def down(node: int, rest: int, token: int, corpus: I4, nodes: I4, table: I8) -> tuple[int, int]:
    """One token further in the tree: (node, place in the corpus if inside a folded piece); node -1: none."""
    if node == -1:
        return -1, -1
    inside = rest if rest >= 0 else nodes[_FOLDED, node]
    if inside >= 0:
        return (node, inside + 1) if corpus[inside] == token else (-1, -1)
    return _child(table, node, token), -1


@jit
def pieces(node: int, rest: int, nodes: I4) -> int:
    """Earlier pieces that end here or go through."""
    if node == -1:
        return 0
    return 1 if rest >= 0 else nodes[_COUNT, node]


@jit
def most_pieces(node: int, rest: int, corpus: I4, nodes: I4) -> tuple[int, int, int]:
    """(token, pieces, rank) of the most frequent continuation; of equals the first. No pieces: none."""
    if node == -1:
        return -1, 0, 0
    inside = rest if rest >= 0 else nodes[_FOLDED, node]
    if inside >= 0:
        return (corpus[inside], 1, 0) if corpus[inside] >= 0 else (-1, 0, 0)
    best = nodes[_BEST, node]
    if best == -1:
        return -1, 0, 0
    return nodes[_TOKEN, best], nodes[_COUNT, best], best
