"""Cache marks for providers that cache only up to one: where they stand, and where they pay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from costopt.layers.parts.layout_draft import Layout
from costopt.layers.parts.layout_lead import Scene
from costopt.model.call import Breakpoint, SegmentKind
from costopt.model.leaf import CACHE_READS, CACHE_WRITES, Leaf
from costopt.model.trace import NO_TIME, Ragged
from costopt.prices.contract import PriceBook

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
MOST_MARKS = 4
"""A fifth is refused (https://platform.claude.com/docs/en/build-with-claude/prompt-caching, checked
2026-11-25)."""


def marked(
    scene: Scene, layout: Layout, prices: PriceBook, keep: Bool, *, fresh: bool
) -> tuple[Layout, Int]:
    """(the layout with marks, calls that got some). `keep`: [call] those that may.

    `fresh`: agents that mark nothing and of whom the cache holds nothing get marks. Where only the
    usage tells of marks that the log does not show, and where a marked text was taken apart, the new
    front is marked as well.
    """
    rows = scene.rows & keep & scene.rules.breakpoints
    if not rows.any():
        return layout, np.zeros(0, np.int64)
    shown = _any(scene.view.request)
    used = _in_group(scene, _cached(scene) > 0)
    new = rows & ~_in_group(scene, shown) & ~used if fresh else rows & False
    unseen = rows & layout.laid & ~shown & used
    parted = rows & layout.laid & shown
    if not (new | unseen | parted).any():
        return layout, np.zeros(0, np.int64)
    flags = layout.request.flags.copy()
    long_lived = scene.view.trace.leaves[:, Leaf.CACHE_WRITE_1H] > 0
    value = np.where(long_lived, Breakpoint.TTL_1H, Breakpoint.TTL_5M).astype(np.uint8)
    goes_on = _pays(scene, prices)
    for calls, places in (
        (new, _tools_end(scene, layout)), (new | unseen | parted, layout.front_end),
        (new, layout.session_end), ((new & goes_on) | unseen, layout.last),
    ):  # fmt: skip
        _set(flags, layout.request, np.flatnonzero(calls & (places >= 0)), places, value)
    after = Ragged(layout.request.offsets, layout.request.ids, flags)
    was = np.add.reduceat(np.append(layout.request.flags > 0, 0), after.offsets[:-1])
    got = np.add.reduceat(np.append(flags > 0, 0), after.offsets[:-1])
    return replace(layout, request=after), np.flatnonzero((got > was) & (after.lengths > 0))


def _set(
    flags: NDArray[np.uint8], block: Ragged, calls: Int, places: Int, value: NDArray[np.uint8]
) -> None:
    """In place: a mark on this use of each call that has room for one more."""
    held = np.concatenate(([0], np.cumsum(flags > 0)))
    room = held[block.offsets[calls + 1]] - held[block.offsets[calls]] < MOST_MARKS
    calls = calls[room]
    at = places[calls]
    flags[at] = np.maximum(flags[at], value[calls])


def _tools_end(scene: Scene, layout: Layout) -> Int:  # [call]
    """The last tool in front; -1: none."""
    tools = (scene.view.segments.kind == SegmentKind.TOOLS)[scene.view.request.ids]
    running = np.concatenate(([0], np.cumsum(tools)))
    first = scene.view.request.offsets[:-1]
    count = running[first + scene.lead] - running[first]
    return np.where(count > 0, layout.request.offsets[:-1] + count - 1, -1)


def _any(block: Ragged) -> Bool:  # [call]
    held = np.concatenate(([0], np.cumsum(block.flags > 0)))
    return np.asarray(held[block.offsets[1:]] > held[block.offsets[:-1]])


def _cached(scene: Scene) -> Int:  # [call]
    leaves = scene.view.trace.leaves
    return leaves[:, list(CACHE_READS)].sum(axis=1) + leaves[:, CACHE_WRITES].sum(axis=1)


def _in_group(scene: Scene, calls: Bool) -> Bool:  # [call]
    """Any call of the same agent does."""
    return np.asarray(np.bincount(scene.group, calls, minlength=scene.groups)[scene.group] > 0)


def _pays(scene: Scene, prices: PriceBook) -> Bool:  # [call]
    """Agents whose sessions go on often enough, within the lifetime, for marking the last message.

    What is new in a call is written at (w - 1) more and read by the next one at (1 - r) less: it pays
    from (w - 1) / (1 - r) of the calls on that are followed by another.
    """
    view, n = scene.view, scene.view.trace.n
    order = np.lexsort((np.arange(n), scene.group, view.trace.session))
    order = order[scene.rows[order]]
    same = np.zeros(len(order), np.bool_)
    if len(order):
        a, b = order[:-1], order[1:]
        timed = (view.at_us[a] != NO_TIME) & (view.at_us[b] != NO_TIME)
        gap = np.where(timed, view.at_us[b] - np.where(timed, view.at_us[a], 0), 0)
        same[:-1] = (view.trace.session[a] == view.trace.session[b]) & (
            scene.group[a] == scene.group[b]
        ) & (gap <= scene.rules.lifetime_us[a])  # fmt: skip
    followed = np.bincount(scene.group[order], same, minlength=scene.groups)
    calls = np.bincount(scene.group[order], minlength=scene.groups)
    least, rows = np.ones(scene.groups), np.flatnonzero(scene.rows & scene.rules.breakpoints)
    for group, first in zip(*np.unique(scene.group[rows], return_index=True), strict=True):
        least[group] = _break_even(scene, prices, int(rows[first]))
    return np.asarray((followed > least * np.maximum(calls, 1))[scene.group])


def _break_even(scene: Scene, prices: PriceBook, call: int) -> float:
    view = scene.view
    at = None if view.at_us[call] == NO_TIME else int(view.at_us[call])
    rules = prices.cache_rules(
        view.provider.values[view.provider.codes[call]],
        view.model.values[view.model.codes[call]], at,
    )  # fmt: skip
    gain = 1_000_000 - rules.read_multiplier_ppm
    return (rules.write_multiplier_ppm - 1_000_000) / gain if gain > 0 else 1.0
