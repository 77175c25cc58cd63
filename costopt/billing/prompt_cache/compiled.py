"""The forest walk as numba compiles it; imported only where numba is installed (see `kernel.py`).

Same answers as `forest.walk_plain`. A node keeps its first child itself; the others stand in one
open-addressing table (node, segment) -> node, exactly: no hash of a hash. A call is first compared
with its session's previous row, so a long history costs no look-up at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.forest import LEVELS, OWN_LEVELS
from costopt.model.trace import NO_TIME

I8 = NDArray[np.int64]
I4 = NDArray[np.int32]
Flags = NDArray[np.bool_]
F = TypeVar("F", bound=Callable[..., object])

# A node's eight facts are one cache line; what is written once (parent, segment, creator) lies apart.
_SESSION, _LAST_CALL, _SENDER, _USES, _CHILD, _READY, _LAST, _END = range(8)
_NOBODY, _SEVERAL = -1, -2
"""In the place of a session: no one used the node yet; more than one did."""
_NODE_BITS = 0xFFFFFFFF
_PARENT, _SEG, _CREATOR = range(3)


def _jit(function: F) -> F:
    """Compiled at its first call, kept on disk for the next process; holds no interpreter lock."""
    return numba.njit(cache=True, nogil=True)(function)


@_jit
def slot_of(keys: I8, key: int | np.int64) -> np.int64:
    """Slot of the key, or the empty one where it belongs (linear probing)."""
    mask = len(keys) - 1
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    slot = np.int64(mixed >> np.uint64(20)) & mask
    while keys[slot] != -1 and keys[slot] != key:
        slot = (slot + 1) & mask
    return slot


@_jit
def edge(node: int | np.int32, seg: int | np.int32) -> np.int64:
    """The key of an edge: both ends in one number."""
    return (np.int64(node) << 32) | np.int64(seg)


@_jit
def blank(fact: I8) -> None:
    """A node that nobody used yet."""
    fact[:] = -1
    fact[_USES], fact[_LAST] = 0, NO_TIME


@_jit
def grown(facts: I8, birth: I4, size: int) -> tuple[I8, I4]:
    """Room for `size` nodes; a new one is blanked when it is made."""
    room = len(facts)
    more, more_birth = np.empty((size, 8), np.int64), np.empty((size, 3), np.int32)
    more[:room], more_birth[:room] = facts, birth
    return more, more_birth


@_jit
def grown_table(keys: I8, slots: I4) -> tuple[I8, I4]:
    """The edge table at twice its size."""
    size = 2 * len(keys)
    more_keys, more_slots = np.full(size, -1, np.int64), np.zeros(size, np.int32)
    for i in range(len(keys)):
        if keys[i] != -1:
            slot = slot_of(more_keys, keys[i])
            more_keys[slot], more_slots[slot] = keys[i], slots[i]
    return more_keys, more_slots


@_jit
def child_in(node: int, seg: int, keys: I8, slots: I4, facts: I8) -> int:
    """The node below `node` that `seg` leads to; -1: there is none."""
    first = facts[node, _CHILD]
    if first < 0:
        return -1
    if first >> 32 == seg:
        return first & _NODE_BITS
    slot = slot_of(keys, edge(node, seg))
    return int(slots[slot]) if keys[slot] >= 0 else -1


@_jit
def child_of(
    node: int, seg: int, keys: I8, slots: I4, facts: I8, birth: I4, n_nodes: int
) -> int:  # fmt: skip
    """The same, made as node `n_nodes` where there is none."""
    child = child_in(node, seg, keys, slots, facts)
    if child >= 0:
        return child
    if facts[node, _CHILD] < 0:
        facts[node, _CHILD] = edge(seg, n_nodes)
    else:
        key = edge(node, seg)
        slot = slot_of(keys, key)
        keys[slot], slots[slot] = key, n_nodes
    blank(facts[n_nodes])
    birth[n_nodes, _PARENT], birth[n_nodes, _SEG], birth[n_nodes, _CREATOR] = node, seg, -1
    return n_nodes


@_jit
def same_as(ids: I4, first: int, first_end: int, second: int, second_end: int) -> int:
    """Leading segments that two rows of `ids` share."""
    limit = min(first_end - first, second_end - second)
    same = 0
    while same < limit and ids[first + same] == ids[second + same]:
        same += 1
    return same


@_jit
def use(
    node: int, call: int, mine: int, at: int, ready: int, asked: bool, facts: I8, birth: I4
) -> None:
    """`forest._use`."""
    fact = facts[node]
    if fact[_SESSION] == _NOBODY:
        fact[_SESSION], fact[_READY], birth[node, _CREATOR] = mine, ready, call
    elif fact[_SESSION] != mine:
        fact[_SESSION] = _SEVERAL
    fact[_READY] = min(fact[_READY], ready)
    fact[_LAST] = max(fact[_LAST], at)
    fact[_LAST_CALL] = call
    if asked:
        if fact[_USES] == 0:
            fact[_SENDER] = call
        fact[_USES] += 1


@_jit
def levels(
    call: int, mine: int, at: int, lifetime_us: int, path: I4, n_path: int, facts: I8, depth: I4,
    count: I4, last_us: I8, source: I4, anchor_depth: I4, anchor_tokens: I8,
) -> None:  # fmt: skip
    """`forest._levels`, with the anchors filled in on the same way up."""
    oldest_alive = at if at == NO_TIME else at - lifetime_us
    own, last_count, column, alive = 0, -1, -1, True
    for i in range(n_path):
        at_depth = n_path - 1 - i
        fact = facts[path[at_depth]]
        noted = False
        if fact[_SESSION] == mine:
            if own < OWN_LEVELS and fact[_USES] > last_count + max(last_count, 0) // 2:
                column, last_count, noted = own, fact[_USES], True
                own += 1
        elif column < OWN_LEVELS:
            column, alive, noted = OWN_LEVELS, fact[_LAST] >= oldest_alive, True
        elif not alive and fact[_LAST] >= oldest_alive:
            column, alive, noted = OWN_LEVELS + 1, True, True
        if noted:
            depth[call, column], count[call, column] = at_depth, fact[_USES]
            last_us[call, column], source[call, column] = fact[_LAST], fact[_LAST_CALL]
        if fact[_END] >= 0:
            for j in range(LEVELS):
                if depth[call, j] >= at_depth and anchor_tokens[call, j] < 0:
                    anchor_depth[call, j], anchor_tokens[call, j] = at_depth, fact[_END]


@_jit
def down(
    call: int, node: int, at: int, start: int, end: int, before_start: int, same: int, ids: I4,
    keys: I8, slots: I4, facts: I8, path: I4, node_of_use: I4, ideal_depth: I4, ideal_source: I4,
    ideal_anchor: I8, concurrent: Flags, parting: I4,
) -> tuple[int, int]:  # fmt: skip
    """Segments that stand in the tree already, and how many nodes of them can be read."""
    found, readable, n_path = 0, True, 0
    while facts[node, _LAST_CALL] >= 0:
        readable = readable and facts[node, _READY] <= at
        if readable:
            path[n_path] = node
            n_path += 1
        if facts[node, _USES] > 0:
            ideal_depth[call], ideal_source[call] = found, facts[node, _SENDER]
            ideal_anchor[call], concurrent[call] = facts[node, _END], not readable
        if start + found == end:
            break
        if found < same:
            child = int(node_of_use[before_start + found])
        else:
            child = child_in(node, ids[start + found], keys, slots, facts)
        if child < 0:
            parting[call] = node
            break
        node_of_use[start + found] = child
        node = child
        found += 1
    return found, n_path


@_jit
def walk_all(
    order: I8, root: I4, n_roots: int, session: I4, lineage: I8, at_us: I8, begin_us: I8,
    lifetime_us: I8, input_tokens: I8, offsets: I8, ids: I4, answer_offsets: I8, answer_ids: I4,
    depth: I4, count: I4, last_us: I8, source: I4, anchor_depth: I4, anchor_tokens: I8,
    ideal_depth: I4, ideal_source: I4, ideal_anchor: I8, concurrent: Flags, previous: I4,
    same_uses: I4, parting: I4, node_of_use: I4,
) -> tuple[I4, I4, I4]:  # fmt: skip
    """Fills the result columns; gives parent, segment and creator of every node."""
    facts, birth = grown(np.zeros((0, 8), np.int64), np.zeros((0, 3), np.int32), n_roots + 1024)
    keys, slots, n_nodes = np.full(4096, -1, np.int64), np.zeros(4096, np.int32), n_roots
    hashed = 0
    for node in range(n_roots):
        blank(facts[node])
        birth[node] = -1
    last_of = np.full(lineage.max() + 1 if len(lineage) else 0, -1, np.int64)
    longest = (offsets[1:] - offsets[:-1]).max() if len(root) else 0
    path = np.empty(longest + 1, np.int32)
    for call in order:
        start, end = offsets[call], offsets[call + 1]
        answer, answer_end = answer_offsets[call], answer_offsets[call + 1]
        need = n_nodes + (end - start) + (answer_end - answer)
        if need > len(facts):
            facts, birth = grown(facts, birth, max(2 * len(facts), need))
        # At most two new children a call go to the table: where its request leaves, and its answer.
        while 2 * (hashed + 2) > len(keys):
            keys, slots = grown_table(keys, slots)
        hashed += 2
        at, mine = at_us[call], session[call]
        before, same, before_start = last_of[lineage[call]], 0, 0
        last_of[lineage[call]] = call
        if before >= 0:
            before_start = offsets[before]
            same = same_as(ids, before_start, offsets[before + 1], start, end)
            previous[call], same_uses[call] = before, same
        found, n_path = down(
            call, root[call], at, start, end, before_start, same, ids, keys, slots, facts,
            path, node_of_use, ideal_depth, ideal_source, ideal_anchor, concurrent, parting,
        )  # fmt: skip
        levels(
            call, mine, at, lifetime_us[call], path, n_path, facts, depth, count, last_us,
            source, anchor_depth, anchor_tokens,
        )  # fmt: skip
        ready = at if at == NO_TIME else at + begin_us[call]
        node = root[call]
        use(node, call, mine, at, ready, True, facts, birth)
        for i in range(start, end):
            if i - start < found:
                node = node_of_use[i]
            else:
                node = child_of(node, ids[i], keys, slots, facts, birth, n_nodes)
                n_nodes = max(n_nodes, node + 1)
                node_of_use[i] = node
            use(node, call, mine, at, ready, True, facts, birth)
        facts[node, _END] = input_tokens[call]
        for i in range(answer, answer_end):
            node = child_of(node, answer_ids[i], keys, slots, facts, birth, n_nodes)
            n_nodes = max(n_nodes, node + 1)
            use(node, call, mine, at, ready, False, facts, birth)
    return birth[:n_nodes, 0].copy(), birth[:n_nodes, 1].copy(), birth[:n_nodes, 2].copy()
