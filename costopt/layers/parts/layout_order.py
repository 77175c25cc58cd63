"""One order of what stands in front: tools as most calls send them, what many sessions share first."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from costopt.layers.parts.layout_lead import Scene, hashes, lead_uses
from costopt.model.call import SegmentKind
from costopt.model.view import View

Int = NDArray[np.int64]
Ids = NDArray[np.int32]
List = tuple[int, ...]
Sort = tuple[int, int, int, int]


def ordered(scene: Scene) -> Ids:  # [request use]
    """Segment ids with tools and system segments of each request in the order of its agent."""
    ids = scene.view.request.ids.copy()
    for kind in (SegmentKind.TOOLS, SegmentKind.SYSTEM):
        _order(scene, kind, ids)
    return ids


def _order(scene: Scene, kind: SegmentKind, ids: Ids) -> None:
    """In place. Each distinct list of an agent is sorted once; lists of one segment never are."""
    uses, block = lead_uses(scene, kind), scene.view.request
    if not len(uses):
        return
    told, call = hashes(block, uses, scene.view.trace.n)
    calls, begins, sizes = np.unique(call, return_index=True, return_counts=True)
    key = np.stack((scene.group[calls].astype(np.uint64), told[calls]), axis=1)
    lists, first, which = np.unique(key, axis=0, return_index=True, return_inverse=True)
    which = which.reshape(-1)
    weight = np.bincount(which) if kind == SegmentKind.TOOLS else _sessions(scene, calls, which)
    for group in np.unique(lists[:, 0]).tolist():
        mine = np.flatnonzero(lists[:, 0] == group)
        if len(mine) == 1:
            continue
        held: list[List] = [
            tuple(ids[uses[begins[i] : begins[i] + sizes[i]]].tolist())
            for i in first[mine].tolist()
        ]
        after = arranged(held, weight[mine].tolist(), scene.view, keep=kind == SegmentKind.SYSTEM)
        for number, was, now in zip(mine.tolist(), held, after, strict=True):
            if was != now:
                at = begins[which == number]
                ids[uses[at[:, None] + np.arange(len(now))]] = np.array(now, np.int32)


def _sessions(scene: Scene, calls: Int, which: Int) -> Int:  # [list]
    """In how many sessions each list was sent."""
    pairs = np.unique(np.stack((which, scene.view.trace.session[calls]), axis=1), axis=0)
    return np.bincount(pairs[:, 0])


def arranged(lists: list[List], weight: list[int], view: View, *, keep: bool) -> list[List]:
    """Each list sorted by how widely its segments are sent, in halvings; then as the most frequent list
    has them. `keep`: segments that are sent equally widely keep their own order.

    A list that stands in the common order already stays as it is.
    """
    total = sum(weight)
    has: Counter[int] = Counter()
    for members, times in zip(lists, weight, strict=True):
        for segment in set(members):
            has[segment] += times
    digest = view.segments.digest

    def told(members: List) -> list[list[int]]:
        listed: list[list[int]] = digest[list(members)].tolist()
        return listed

    most = max(range(len(lists)), key=lambda i: (weight[i], told(lists[i])))
    place = {segment: i for i, segment in reversed(list(enumerate(lists[most])))}
    names = {s: (int(a), int(b)) for s, (a, b) in zip(has, digest[list(has)].tolist(), strict=True)}

    def rank(segment: int) -> Sort:
        halvings = (total // has[segment]).bit_length() - 1
        if keep:
            return (halvings, 0, 0, 0)
        return (halvings, place.get(segment, len(lists[most])), *names[segment])

    return [tuple(sorted(members, key=rank)) for members in lists]
