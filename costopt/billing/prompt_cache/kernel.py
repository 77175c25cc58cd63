"""The forest walk compiled: same answers as `forest.walk_plain`, a million calls a second.

One open-addressing table holds the edges (node, segment) -> node, exactly: no hash of a hash. A call
is first compared with its session's previous row, so a long history costs no look-up at all.
Where numba is not installed, `walk` runs the plain twin.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from costopt.billing.prompt_cache.forest import (
    LEVELS,
    OWN_LEVELS,
    Rows,
    Walk,
    empty_walk,
    walk_plain,
)
from costopt.model.trace import NO_TIME

# A node's eight facts are one cache line; what is written once (parent, segment, creator) lies apart.
_SESSION, _LAST_CALL, _SENDER, _USES, _SHARED, _READY, _LAST, _END = range(8)
_PARENT, _SEG, _CREATOR = range(3)

_FEW_USES = 20_000
"""Below it the plain twin is done before the compiled one is loaded."""


def walk(rows: Rows) -> Walk:
    """What each call finds of itself in what was sent before; compiled where that pays and can be."""
    kernel = compiled() if len(rows.ids) >= _FEW_USES else None
    return walk_plain(rows) if kernel is None else walk_compiled(rows)


def walk_compiled(rows: Rows) -> Walk:
    """The compiled walk. RuntimeError: numba is not installed."""
    kernel = compiled()
    if kernel is None:
        raise RuntimeError("numba is not installed")
    out: dict[str, Any] = empty_walk(len(rows.root), len(rows.ids))
    n_sessions = int(rows.session.max(initial=-1)) + 1
    pair = rows.root.astype(np.int64) * n_sessions + rows.session
    lineage = np.unique(pair, return_inverse=True)[1].reshape(-1).astype(np.int64)
    parent, seg, creator = kernel(
        rows.order, rows.root, rows.n_roots, rows.session, lineage, rows.at_us, rows.begin_us,
        rows.lifetime_us, rows.input_tokens, rows.offsets, rows.ids, rows.answer_offsets,
        rows.answer_ids, out["depth"], out["count"], out["last_us"], out["source"],
        out["anchor_depth"], out["anchor_tokens"], out["ideal_depth"], out["ideal_source"],
        out["ideal_anchor"], out["concurrent"], out["previous"], out["same_uses"],
        out["parting"], out["node_of_use"],
    )  # fmt: skip
    return Walk(**out, node_parent=parent, node_seg=seg, node_creator=creator)


@cache
def compiled() -> Any | None:
    """The numba kernel, or None where numba is missing."""
    try:
        import numba
    except ImportError:
        return None
    jit = numba.njit(cache=True, nogil=True)
    return jit(_kernel_source(jit))


def _kernel_source(jit: Any) -> Any:
    """The walk over all calls, made of the compiled parts below."""
    grown, grown_table = jit(_grown), jit(_grown_table)
    slot_of = jit(_slot_of)
    child_of, use, same_as = jit(_child_maker(slot_of)), jit(_use), jit(_same_as)
    levels, down = jit(_levels), jit(_down_maker(slot_of))

    def kernel(
        order, root, n_roots, session, lineage, at_us, begin_us, lifetime_us, input_tokens,
        offsets, ids, answer_offsets, answer_ids, depth, count, last_us, source, anchor_depth,
        anchor_tokens, ideal_depth, ideal_source, ideal_anchor, concurrent, previous, same_uses,
        parting, node_of_use,
    ):  # fmt: skip
        facts, birth = grown(np.zeros((0, 8), np.int64), np.zeros((0, 3), np.int32), n_roots + 1024)
        keys, slots = np.full(4096, -1, np.int64), np.zeros(4096, np.int32)
        n_nodes = n_roots
        last_of = np.full(lineage.max() + 1 if len(lineage) else 0, -1, np.int64)
        longest = (offsets[1:] - offsets[:-1]).max() if len(root) else 0
        path = np.empty(longest + 1, np.int32)
        for call in order:
            start, end = offsets[call], offsets[call + 1]
            answer, answer_end = answer_offsets[call], answer_offsets[call + 1]
            need = n_nodes + (end - start) + (answer_end - answer)
            if need > len(facts):
                facts, birth = grown(facts, birth, max(2 * len(facts), need))
            while 2 * need > len(keys):
                keys, slots = grown_table(keys, slots)
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
                    node, n_nodes = child_of(node, ids[i], keys, slots, birth, n_nodes)
                    node_of_use[i] = node
                use(node, call, mine, at, ready, True, facts, birth)
            facts[node, _END] = input_tokens[call]
            for i in range(answer, answer_end):
                node, n_nodes = child_of(node, answer_ids[i], keys, slots, birth, n_nodes)
                use(node, call, mine, at, ready, False, facts, birth)
        return birth[:n_nodes, 0].copy(), birth[:n_nodes, 1].copy(), birth[:n_nodes, 2].copy()

    return kernel


def _down_maker(slot_of):  # type: ignore[no-untyped-def]
    def down(
        call, node, at, start, end, before_start, same, ids, keys, slots, facts,
        path, node_of_use, ideal_depth, ideal_source, ideal_anchor, concurrent, parting,
    ):  # fmt: skip
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
                child = node_of_use[before_start + found]
            else:
                slot = slot_of(keys, (np.int64(node) << 32) | np.int64(ids[start + found]))
                child = slots[slot] if keys[slot] >= 0 else np.int32(-1)
            if child < 0:
                parting[call] = node
                break
            node_of_use[start + found] = child
            node = child
            found += 1
        return found, n_path

    return down


def _child_maker(slot_of):  # type: ignore[no-untyped-def]
    def child_of(node, seg, keys, slots, birth, n_nodes):
        """The node below `node` that `seg` leads to, made where there is none."""
        key = (np.int64(node) << 32) | np.int64(seg)
        slot = slot_of(keys, key)
        if keys[slot] < 0:
            keys[slot], slots[slot] = key, n_nodes
            birth[n_nodes, _PARENT], birth[n_nodes, _SEG] = node, seg
            n_nodes += 1
        return slots[slot], n_nodes

    return child_of


def _slot_of(keys, key):  # type: ignore[no-untyped-def]
    """Slot of the key, or the empty one where it belongs (linear probing)."""
    mask = len(keys) - 1
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    slot = np.int64(mixed >> np.uint64(20)) & mask
    while keys[slot] != -1 and keys[slot] != key:
        slot = (slot + 1) & mask
    return slot


def _grown(facts, birth, size):  # type: ignore[no-untyped-def]
    """Room for `size` nodes, the new ones blank."""
    room = len(facts)
    more, more_birth = np.full((size, 8), -1, np.int64), np.full((size, 3), -1, np.int32)
    more[:, _USES], more[:, _SHARED], more[:, _LAST] = 0, 0, NO_TIME
    more[:room], more_birth[:room] = facts, birth
    return more, more_birth


def _grown_table(keys, slots):  # type: ignore[no-untyped-def]
    size = 2 * len(keys)
    mask = size - 1
    more_keys, more_slots = np.full(size, -1, np.int64), np.zeros(size, np.int32)
    for i in range(len(keys)):
        if keys[i] != -1:
            mixed = np.uint64(keys[i]) * np.uint64(0x9E3779B97F4A7C15)
            slot = np.int64(mixed >> np.uint64(20)) & mask
            while more_keys[slot] != -1:
                slot = (slot + 1) & mask
            more_keys[slot], more_slots[slot] = keys[i], slots[i]
    return more_keys, more_slots


def _same_as(ids, first, first_end, second, second_end):  # type: ignore[no-untyped-def]
    limit = min(first_end - first, second_end - second)
    same = 0
    while same < limit and ids[first + same] == ids[second + same]:
        same += 1
    return same


def _use(node, call, mine, at, ready, asked, facts, birth):  # type: ignore[no-untyped-def]
    fact = facts[node]
    if fact[_SESSION] < 0:
        fact[_SESSION], fact[_READY], birth[node, _CREATOR] = mine, ready, call
    if fact[_SESSION] != mine:
        fact[_SHARED] = 1
    fact[_READY] = min(fact[_READY], ready)
    fact[_LAST] = max(fact[_LAST], at)
    fact[_LAST_CALL] = call
    if asked:
        if fact[_USES] == 0:
            fact[_SENDER] = call
        fact[_USES] += 1


def _levels(  # type: ignore[no-untyped-def]
    call, mine, at, lifetime_us, path, n_path, facts, depth, count, last_us, source,
    anchor_depth, anchor_tokens,
):  # fmt: skip
    """`forest._levels`, with the anchors filled in on the same way up."""
    oldest_alive = at if at == NO_TIME else at - lifetime_us
    own, last_count, column, alive = 0, -1, -1, True
    for i in range(n_path):
        at_depth = n_path - 1 - i
        fact = facts[path[at_depth]]
        noted = False
        if fact[_SHARED] == 0 and fact[_SESSION] == mine:
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
