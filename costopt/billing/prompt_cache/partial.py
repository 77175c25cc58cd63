"""The first segment that differs: how many of its tokens an earlier request had as well.

A clock in a system prompt leaves the text before it cached. Among all earlier siblings the one that
shares most bytes is found exactly: sorted by text, the best earlier sibling is a neighbour.
`partial_plain.py` says the same pair by pair and is the specification.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.forest import Rows, Walk
from costopt.billing.prompt_cache.siblings import pairs_of
from costopt.billing.prompt_cache.text_order import MOST_BYTES, TextOrder
from costopt.billing.view_tokens import WHOLE, ViewTokens
from costopt.model.ports import Texts, TokenCounter
from costopt.model.trace import NO_TIME, SegmentTable

Int = NDArray[np.int64]
EXACT_SIBLINGS = 5_000
"""Up to so many siblings common tokens are counted; of more they are taken in proportion to common
bytes (the difference is a token or two, and each count fetches and encodes two texts again)."""
EXACT_CALLS = 20_000
"""And of so many calls: an edit may part each of them from its siblings."""
_NO_TEXT = -1
_MODELS = 4_096
"""More than a log names: pairs of segments and a model make one key."""
_KEPT_SIBLINGS = 2_000_000
_LARGE = 64
"""Siblings from which on a family's texts are put in order for the views to come."""
_KEPT_ORDERS = 32


@dataclass(frozen=True, slots=True)
class Partial:
    """Tokens shared inside the first differing segment; 0: none."""

    tokens: Int  # [call]
    last_us: Int  # [call]: last use of the sibling before this call
    source: NDArray[np.int32]  # [call]: the call that sent the sibling first; -1


@dataclass
class Compared:
    """What earlier views have compared already: of segments that the trace has, which never change."""

    pairs: dict[bytes, tuple[Int, Int, Int]] = field(default_factory=dict)
    """Segments of a family to its pairs: (younger, elder) places in it, and bytes in common."""
    held: int = 0
    orders: list[TextOrder] = field(default_factory=list)
    """Of large families, the last one made at the end."""
    keys: Int = field(default_factory=lambda: np.zeros(0, np.int64))  # [pair], sorted
    shared: Int = field(default_factory=lambda: np.zeros(0, np.int64))  # [pair]
    models: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """What the siblings of a view are compared with."""

    segments: SegmentTable
    of_trace: int
    """Segments below this number are the trace's; the others were made for this view."""
    tokens: TokenCounter
    texts: Texts | None
    model: tuple[NDArray[np.int32], tuple[str, ...]]
    """[call] codes, and the names."""
    exact: bool
    compared: Compared


@dataclass(frozen=True)
class _Pairs:
    child: Int  # [pair], node
    other: Int  # [pair], node
    shared_bytes: Int  # [pair]; _NO_TEXT: the texts are not at hand
    call: Int  # [pair]: that made the child
    sender: Int  # [pair]: that made the other

    def only(self, keep: NDArray[np.bool_]) -> _Pairs:
        columns = (self.child, self.other, self.shared_bytes, self.call, self.sender)
        return _Pairs(*(c[keep] for c in columns))


def partial_prefix(walk: Walk, rows: Rows, asked: Asked) -> Partial:
    """For every call that leaves the tree in mid-path: its best earlier sibling."""
    n = len(rows.root)
    out = Partial(np.zeros(n, np.int64), np.full(n, NO_TIME, np.int64), np.full(n, -1, np.int32))
    created = created_nodes(walk, n)
    families = families_of(walk, created)
    pairs = _readable(_all_pairs(families, walk, asked), walk, rows, asked.segments, created)
    tokens = _shared_tokens(pairs, walk, asked)
    pairs, tokens = pairs.only(tokens > 0), tokens[tokens > 0]
    last = last_uses(pairs.other, pairs.call, pairs.sender, walk, rows)
    order = np.lexsort((pairs.sender, last, tokens, pairs.call))
    call = pairs.call[order]
    best = order[np.append(call[1:] != call[:-1], True)] if len(order) else order
    at = pairs.call[best]
    out.tokens[at], out.last_us[at], out.source[at] = tokens[best], last[best], pairs.sender[best]
    return out


def siblings_in(walk: Walk, n: int) -> int:
    """How many nodes of the forest stand beside another that a call parted from."""
    return len(families_of(walk, created_nodes(walk, n)).node)


def created_nodes(walk: Walk, n: int) -> Int:
    """[call]: the node that the call made where it left the tree; -1: it never left it."""
    created = np.full(n, -1, np.int64)
    leaving = walk.parting[walk.node_creator] == walk.node_parent
    leaving &= walk.node_parent >= 0
    nodes = np.flatnonzero(leaving)
    # Its answer may branch at the same place: the request's node was made first.
    created[walk.node_creator[nodes[::-1]]] = nodes[::-1]
    return created


@dataclass(frozen=True, slots=True)
class Families:
    """Children of each node that has several, family by family, in order of creation."""

    node: Int  # [sibling]
    begins: NDArray[np.bool_]  # [sibling]: first of its family

    def each(self) -> list[Int]:
        return np.split(self.node, np.flatnonzero(self.begins)[1:]) if len(self.node) else []


def families_of(walk: Walk, created: Int) -> Families:
    """Those that a call parted from."""
    parent = walk.node_parent
    below = parent >= 0
    several = np.bincount(parent[below], minlength=len(parent)) > 1
    wanted = np.zeros(len(parent), np.bool_)
    wanted[parent[created[created >= 0]]] = True
    children = np.flatnonzero(below & (wanted & several)[parent])
    order = children[np.argsort(parent[children], kind="stable")]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = np.diff(parent[order]) != 0
    return Families(order, begins)


def _all_pairs(families: Families, walk: Walk, asked: Asked) -> _Pairs:
    """Of every family; without texts each child beside the one before it."""
    creator = walk.node_creator.astype(np.int64)
    if asked.texts is None:
        place = np.flatnonzero(~families.begins)
        child, other = families.node[place], families.node[place - 1]
        shared = np.full(len(place), _NO_TEXT, np.int64)
        return _Pairs(child, other, shared, creator[child], creator[other])
    lists = families.each()
    found = [_family_pairs(family, walk.node_seg, asked) for family in lists]
    none = np.zeros(0, np.int64)
    children = [family[young] for family, (young, _, _) in zip(lists, found, strict=True)]
    others = [family[old] for family, (_, old, _) in zip(lists, found, strict=True)]
    child, other = np.concatenate([none, *children]), np.concatenate([none, *others])
    shared = np.concatenate([none, *(same for _, _, same in found)])
    return _Pairs(child, other, shared, creator[child], creator[other])


def _family_pairs(family: Int, seg: NDArray[np.int32], asked: Asked) -> tuple[Int, Int, Int]:
    """(younger, elder, bytes in common) of the pairs worth comparing, as places in the family."""
    ids, memo = seg[family], asked.compared
    if ids.max() >= asked.of_trace:
        return _compared(ids, asked.texts)
    key = ids.tobytes()
    if key not in memo.pairs:
        if memo.held > _KEPT_SIBLINGS:
            memo.pairs.clear()
            memo.orders.clear()
            memo.held = 0
        memo.pairs[key] = _pairs_of_trace(ids, asked)
        memo.held += len(ids)
    return memo.pairs[key]


def _pairs_of_trace(ids: NDArray[np.int32], asked: Asked) -> tuple[Int, Int, Int]:
    """Of segments that the trace has: a part of a family that was put in order needs no texts."""
    memo, texts = asked.compared, asked.texts
    if len(ids) < _LARGE or texts is None:
        return _compared(ids, texts)
    known = next((order for order in reversed(memo.orders) if order.holds(ids)), None)
    if known is None and int(asked.segments.n_bytes[ids].sum()) <= MOST_BYTES:
        known = TextOrder.of(ids, texts)
        if known is not None:
            memo.orders[:-_KEPT_ORDERS] = []
            memo.orders.append(known)
            memo.held += len(ids)
    return _compared(ids, texts) if known is None else known.pairs(ids)


def _compared(ids: NDArray[np.int32], texts: Texts | None) -> tuple[Int, Int, Int]:
    found = list(pairs_of(np.arange(len(ids)), ids, texts))
    same = [_NO_TEXT if p.shared_bytes is None else p.shared_bytes for p in found]
    columns = [p.child for p in found], [p.other for p in found], same
    young, old, shared = (np.array(c, np.int64) for c in columns)
    return young, old, shared


def _readable(
    pairs: _Pairs, walk: Walk, rows: Rows, segments: SegmentTable, created: Int
) -> _Pairs:
    """Pairs whose elder was sent and has begun to answer when the younger one came."""
    pairs = pairs.only(created[pairs.call] == pairs.child)
    at = rows.at_us[pairs.call]
    early = (at > NO_TIME) & (rows.at_us[pairs.sender] + rows.begin_us[pairs.sender] > at)
    kind, seg = segments.kind, walk.node_seg
    return pairs.only((kind[seg[pairs.child]] == kind[seg[pairs.other]]) & ~early)


def _shared_tokens(pairs: _Pairs, walk: Walk, asked: Asked) -> Int:  # [pair]
    """Common tokens of two siblings, each distinct pair counted once and kept."""
    codes, names = asked.model
    seg, other = walk.node_seg[pairs.child], walk.node_seg[pairs.other]
    code = codes[pairs.call]
    out = np.zeros(len(seg), np.int64)
    exact = (pairs.shared_bytes == _NO_TEXT) | asked.exact
    for number in np.unique(code).tolist():
        mine = code == number
        rows = np.flatnonzero(mine & exact)
        out[rows] = _counted_pairs(seg[rows], other[rows], names[number], asked)
        rows = np.flatnonzero(mine & ~exact)
        whole = asked.tokens.count(seg[rows], names[number])
        share = whole * pairs.shared_bytes[rows] // np.maximum(1, asked.segments.n_bytes[seg[rows]])
        out[rows] = np.minimum(whole, share)
    return out


def _counted_pairs(
    seg: NDArray[np.int32], other: NDArray[np.int32], model: str, asked: Asked
) -> Int:
    """`common_prefix` of each pair: of made segments that of what they were cut from, as far as both go."""
    tokens = asked.tokens
    if not isinstance(tokens, ViewTokens):
        return _counted_of_trace(seg, other, model, asked)
    (first, most), (second, other_most) = tokens.roots(seg), tokens.roots(other)
    most = np.minimum(most, other_most)
    there = (first >= 0) & (second >= 0) & (most > 0)
    alike = there & (first == second) & (most < WHOLE)
    out = np.where(alike, most, 0)
    rows = np.flatnonzero(there & ~alike)
    found = _counted_of_trace(first[rows], second[rows], model, asked)
    out[rows] = np.minimum(found, most[rows])
    return out


def _counted_of_trace(
    seg: NDArray[np.integer], other: NDArray[np.integer], model: str, asked: Asked
) -> Int:
    """The same of segments that the trace has: each distinct pair is counted once and remembered."""
    memo = asked.compared
    number = memo.models.setdefault(model, len(memo.models))
    key = (seg.astype(np.int64) * asked.of_trace + other) * _MODELS + number
    asked_for = np.unique(key)
    new = asked_for[~_in_sorted(memo.keys, asked_for)]
    if len(new):
        first, second = np.divmod(new // _MODELS, asked.of_trace)
        pairs = np.stack((first, second), axis=1)
        shared = [asked.tokens.common_prefix(a, b, model) for a, b in pairs.tolist()]
        keys = np.concatenate((memo.keys, new))
        order = np.argsort(keys, kind="stable")
        memo.keys = keys[order]
        memo.shared = np.concatenate((memo.shared, np.array(shared, np.int64)))[order]
    return memo.shared[np.searchsorted(memo.keys, key)]


def _in_sorted(table: Int, asked: Int) -> NDArray[np.bool_]:
    """Which of the asked stand in the sorted table."""
    place = np.searchsorted(table, asked)
    inside = place < len(table)
    inside[inside] = table[place[inside]] == asked[inside]
    return inside


def last_uses(node: Int, call: Int, sender: Int, walk: Walk, rows: Rows) -> Int:  # [pair]
    """Time of the last request through the node before the call; else when its answer came."""
    n = len(rows.root)
    rank = np.zeros(n, np.int64)
    rank[rows.order] = np.arange(len(rows.order))
    asked = np.zeros(len(walk.node_parent) + 1, np.bool_)
    asked[node] = True
    uses = np.flatnonzero(asked[walk.node_of_use])  # a use that was not sent is node -1: last
    of_use = np.searchsorted(rows.offsets, uses, side="right") - 1
    keys = np.sort(walk.node_of_use[uses].astype(np.int64) * (n + 1) + rank[of_use])
    first = node * (n + 1)
    found = np.searchsorted(keys, first + rank[call]) - 1
    there = found >= 0
    there[there] = keys[found[there]] >= first[there]
    out = rows.at_us[sender].copy()
    out[there] = rows.at_us[rows.order[keys[found[there]] - first[there]]]
    return out
