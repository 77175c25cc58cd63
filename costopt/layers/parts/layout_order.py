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
    """Segment ids with tools and system segments of each request in the order of its agent.

    The view's own array where all are in order.
    """
    ids = scene.view.request.ids
    for kind in (SegmentKind.TOOLS, SegmentKind.SYSTEM):
        ids = _ordered(scene, kind, ids)
    return ids


def _ordered(scene: Scene, kind: SegmentKind, ids: Ids) -> Ids:
    """Each distinct list of an agent is sorted once; an agent with one list has its order."""
    uses, call = lead_uses(scene, kind)
    begins = np.flatnonzero(np.diff(call, prepend=-1))
    calls, told = call[begins], hashes(scene, scene.view.request.ids[uses], call)
    _, first, which = np.unique(told[calls], return_index=True, return_inverse=True)
    group = scene.group[calls[first]]
    several = (np.bincount(group, minlength=1) > 1)[group]
    if not several.any():
        return ids
    which, sizes = which.reshape(-1), np.diff(begins, append=len(call))
    weight = np.bincount(which) if kind == SegmentKind.TOOLS else _sessions(scene, calls, which)
    by_list = np.argsort(which, kind="stable")
    starts = np.searchsorted(which[by_list], np.arange(len(first) + 1))
    order = np.argsort(group, kind="stable")
    order, out = order[several[order]], ids.copy()
    for mine in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        held: list[List] = [
            tuple(ids[uses[begins[i] : begins[i] + sizes[i]]].tolist())
            for i in first[mine].tolist()
        ]
        after = arranged(held, weight[mine].tolist(), scene.view, keep=kind == SegmentKind.SYSTEM)
        for number, was, now in zip(mine.tolist(), held, after, strict=True):
            if was != now:
                at = begins[by_list[starts[number] : starts[number + 1]]]
                out[uses[at[:, None] + np.arange(len(now))]] = np.array(now, np.int32)
    return out


def _sessions(scene: Scene, calls: Int, which: Int) -> Int:  # [list]
    """In how many sessions each list was sent."""
    sessions = len(scene.view.trace.sessions)
    pairs = np.unique(which * sessions + scene.view.trace.session[calls])
    return np.bincount(pairs // sessions)


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
