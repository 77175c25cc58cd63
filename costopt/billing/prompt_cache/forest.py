"""The forest of sent prefixes: the plain specification of `kernel.py`.

Every namespace (and hidden prompt) is a tree; a request walks down it segment by segment. A node is
"the prefix that ends here": how many requests covered it, when it was last used, from when it can be
read. Before a call joins the tree it is asked how deep it finds itself there already.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from costopt.model.trace import NO_TIME

OWN_LEVELS = 6
"""Prefixes of the session's own earlier calls that are told apart, deepest first: the last answer,
the last request, and requests about 2, 4, 7 and 11 calls back (each half as often again covered)."""
LEVELS = OWN_LEVELS + 2
"""And two that other sessions sent: the deepest, and the deepest that is still alive."""
NO_LEVEL = -1
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Rows:
    """What the walk reads. Rows are visited in `order`; rows that are not in it were never sent."""

    order: NDArray[np.int64]  # [sent]: row numbers in time order
    root: NDArray[np.int32]  # [call]: tree of the call, 0..n_roots-1
    n_roots: int
    session: NDArray[np.int32]  # [call]
    at_us: NDArray[np.int64]  # [call], NO_TIME where unknown
    begin_us: NDArray[np.int64]  # [call]: from the request to the first byte of its answer
    lifetime_us: NDArray[np.int64]  # [call]
    input_tokens: NDArray[np.int64]  # [call]: length of the request, the anchor of its last node
    offsets: NDArray[np.int64]  # [call + 1]
    ids: NDArray[np.int32]  # [use]
    answer_offsets: NDArray[np.int64]  # [call + 1]
    answer_ids: NDArray[np.int32]  # [answer use]


@dataclass(frozen=True, slots=True)
class Walk:
    """What each call found of itself. Depth 0 is the bare root (the hidden prompt), -1: nothing."""

    depth: NDArray[np.int32]  # [call, level]: segments that the entry shares; NO_LEVEL: none
    count: NDArray[np.int32]  # [call, level]: requests that covered it; 0: only an answer did
    last_us: NDArray[np.int64]  # [call, level]: its last use
    source: NDArray[np.int32]  # [call, level]: the call that used it last
    anchor_depth: NDArray[np.int32]  # [call, level]: nearest end of an earlier request above
    anchor_tokens: NDArray[np.int64]  # [call, level]: that request's reported length; -1: none
    ideal_depth: NDArray[np.int32]  # [call]: shared with any earlier request, however old
    ideal_source: NDArray[np.int32]  # [call]: the first request that sent it; -1: none
    ideal_anchor: NDArray[np.int64]  # [call]: reported length of a request that ends there; -1
    concurrent: NDArray[np.bool_]  # [call]: a longer entry existed, not yet readable
    previous: NDArray[np.int32]  # [call]: session's call before it in the tree; -1: the first
    same_uses: NDArray[np.int32]  # [call]: leading segments shared with `previous`
    parting: NDArray[np.int32]  # [call]: node below which the call leaves all earlier; -1: never
    node_of_use: NDArray[np.int32]  # [use]; -1: not sent
    node_parent: NDArray[np.int32]  # [node]; -1: a root
    node_seg: NDArray[np.int32]  # [node]; -1: a root
    node_creator: NDArray[np.int32]  # [node]: call that sent it first (or whose answer it is)


def empty_walk(n: int, uses: int) -> dict[str, NDArray[np.generic]]:
    """Result columns before the walk, by name."""
    by_level = (n, LEVELS)
    return {
        "depth": np.full(by_level, NO_LEVEL, np.int32),
        "count": np.zeros(by_level, np.int32),
        "last_us": np.full(by_level, NO_TIME, np.int64),
        "source": np.full(by_level, -1, np.int32),
        "anchor_depth": np.zeros(by_level, np.int32),
        "anchor_tokens": np.full(by_level, -1, np.int64),
        "ideal_depth": np.full(n, NO_LEVEL, np.int32),
        "ideal_source": np.full(n, -1, np.int32),
        "ideal_anchor": np.full(n, -1, np.int64),
        "concurrent": np.zeros(n, np.bool_),
        "previous": np.full(n, -1, np.int32),
        "same_uses": np.zeros(n, np.int32),
        "parting": np.full(n, -1, np.int32),
        "node_of_use": np.full(uses, -1, np.int32),
    }


@dataclass(slots=True)
class _Node:
    parent: int
    seg: int
    creator: int
    ready_us: int
    session: int
    """First session that used it."""
    shared: bool = False
    """Another session used it too."""
    count: int = 0
    last_us: int = NO_TIME
    last_call: int = -1
    first_sender: int = -1
    end_tokens: int = -1
    children: dict[int, int] = field(default_factory=dict)


def walk_plain(rows: Rows) -> Walk:
    """Call by call, node by node."""
    out = empty_walk(len(rows.root), len(rows.ids))
    nodes = [_Node(-1, -1, -1, NO_TIME, -1) for _ in range(rows.n_roots)]
    last_of: dict[tuple[int, int], int] = {}
    for call in rows.order.tolist():
        key = (int(rows.root[call]), int(rows.session[call]))
        before = last_of.get(key, -1)
        if before >= 0:
            out["previous"][call] = before
            out["same_uses"][call] = _same(_ids(rows, before), _ids(rows, call))
        path = _path(rows, call, nodes, out)
        _levels(rows, call, nodes, path, out)
        _join(rows, call, nodes, out)
        last_of[key] = call
    return Walk(
        **out,  # type: ignore[arg-type]
        node_parent=np.array([n.parent for n in nodes], np.int32),
        node_seg=np.array([n.seg for n in nodes], np.int32),
        node_creator=np.array([n.creator for n in nodes], np.int32),
    )


def _ids(rows: Rows, call: int) -> list[int]:
    return rows.ids[rows.offsets[call] : rows.offsets[call + 1]].tolist()


def _answer(rows: Rows, call: int) -> list[int]:
    return rows.answer_ids[rows.answer_offsets[call] : rows.answer_offsets[call + 1]].tolist()


def _same(first: list[int], second: list[int]) -> int:
    pairs = zip(first, second, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))


def _path(
    rows: Rows, call: int, nodes: list[_Node], out: dict[str, NDArray[np.generic]]
) -> list[int]:
    """Nodes that the call can read, root first; notes the ideal and whether it came too early."""
    at = int(rows.at_us[call])
    node = int(rows.root[call])
    path: list[int] = []
    readable, ideal = True, None
    for depth, seg in enumerate([-1, *_ids(rows, call)]):
        if depth > 0:
            child = nodes[node].children.get(seg, -1)
            if child < 0:
                out["parting"][call] = node
                break
            node = child
        entry = nodes[node]
        if entry.last_call < 0:  # a root that nobody used yet
            break
        readable = readable and entry.ready_us <= at
        if readable:
            path.append(node)
        if entry.count > 0:
            ideal = depth, entry, readable
    if ideal is not None:
        depth, entry, readable = ideal
        out["ideal_depth"][call] = depth
        out["ideal_source"][call] = entry.first_sender
        out["ideal_anchor"][call] = entry.end_tokens
        out["concurrent"][call] = not readable
    return path


def _levels(
    rows: Rows, call: int, nodes: list[_Node], path: list[int], out: dict[str, NDArray[np.generic]]
) -> None:
    """The distinct entries on the path, deepest first: own ones by use count, then others'."""
    session = int(rows.session[call])
    at = int(rows.at_us[call])
    oldest_alive = at if at == NO_TIME else at - int(rows.lifetime_us[call])
    own, last_count, column, foreign_alive = 0, -1, -1, True
    for depth in range(len(path) - 1, -1, -1):
        entry = nodes[path[depth]]
        foreign = entry.shared or entry.session != session
        if not foreign:
            if own == OWN_LEVELS or entry.count <= last_count + max(last_count, 0) // 2:
                continue
            column, own, last_count = own, own + 1, entry.count
        elif column < OWN_LEVELS:
            column = OWN_LEVELS
            foreign_alive = entry.last_us >= oldest_alive
        elif foreign_alive or entry.last_us < oldest_alive:
            continue
        else:
            column, foreign_alive = OWN_LEVELS + 1, True
        _note(call, column, depth, nodes, path, out)


def _note(
    call: int, column: int, depth: int, nodes: list[_Node], path: list[int],
    out: dict[str, NDArray[np.generic]],
) -> None:  # fmt: skip
    entry = nodes[path[depth]]
    out["depth"][call, column] = depth
    out["count"][call, column] = entry.count
    out["last_us"][call, column] = entry.last_us
    out["source"][call, column] = entry.last_call
    for above in range(depth, -1, -1):
        if nodes[path[above]].end_tokens >= 0:
            out["anchor_depth"][call, column] = above
            out["anchor_tokens"][call, column] = nodes[path[above]].end_tokens
            return


def _join(rows: Rows, call: int, nodes: list[_Node], out: dict[str, NDArray[np.generic]]) -> None:
    """Send the request: its prefixes are used now and readable once it has begun to answer."""
    node, session, at = int(rows.root[call]), int(rows.session[call]), int(rows.at_us[call])
    ready = at if at == NO_TIME else at + int(rows.begin_us[call])
    _use(nodes[node], call, session, at, ready, asked=True)
    below: list[int] = []
    for seg in _ids(rows, call):
        node = _child(nodes, node, seg, call, session)
        _use(nodes[node], call, session, at, ready, asked=True)
        below.append(node)
    out["node_of_use"][rows.offsets[call] : rows.offsets[call + 1]] = below
    nodes[node].end_tokens = int(rows.input_tokens[call])
    for seg in _answer(rows, call):
        node = _child(nodes, node, seg, call, session)
        _use(nodes[node], call, session, at, ready, asked=False)


def _child(nodes: list[_Node], parent: int, seg: int, call: int, session: int) -> int:
    children = nodes[parent].children
    found = children.get(seg, -1)
    if found < 0:
        found = children[seg] = len(nodes)
        nodes.append(_Node(parent, seg, call, _NEVER, session))
    return found


def _use(entry: _Node, call: int, session: int, at: int, ready: int, *, asked: bool) -> None:
    if entry.session < 0:
        entry.session, entry.ready_us, entry.creator = session, ready, call
    if entry.session != session:
        entry.shared = True
    if ready < entry.ready_us:
        entry.ready_us = ready
    if at > entry.last_us:
        entry.last_us = at
    entry.last_call = call
    if asked:
        if entry.count == 0:
            entry.first_sender = call
        entry.count += 1
