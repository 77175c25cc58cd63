"""What a layout could be, for some calls or all, and which of its drafts each agent gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.billing.segment_counts import group_sums
from costopt.layers.base import Artifacts
from costopt.layers.parts.layout_draft import Layout, Pads, changed_calls, laid_out, seen_as
from costopt.layers.parts.layout_lead import Scene
from costopt.layers.parts.layout_marks import marked
from costopt.layers.parts.volatile import Moves
from costopt.model.leaf import CACHE_READS, INPUT
from costopt.prices.contract import PriceBook

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
PADDED = 2


@dataclass(frozen=True)
class Draft:
    layout: Layout
    changed: Bool  # [call]
    marked: Int
    """Calls that got a mark."""


@dataclass(frozen=True)
class Plan:
    """What could be done; a draft does it for some of the calls."""

    scene: Scene
    ids: NDArray[np.int32]  # [request use]
    found: Moves
    prices: PriceBook
    breakpoints: bool

    def draft(self, pads: Pads, keep: Bool) -> Draft:
        """`keep`: [call] those laid out anew."""
        layout = laid_out(self.scene, self.ids, self.found, pads, keep)
        layout, got = marked(self.scene, layout, self.prices, keep, fresh=self.breakpoints)
        before = self.scene.view.request
        return Draft(layout, changed_calls(before, layout.request), got)

    def tally(self, choice: Int) -> dict[str, int]:
        """Counts of what was done."""
        scene, found = self.scene, self.found
        block, call = scene.view.request, scene.view.request.call_of_use()
        exchanged = np.zeros(len(block.ids), np.bool_)
        exchanged[found.uses] = True
        sorted_ = (self.ids != block.ids) & ~exchanged & (choice[call] > 0)
        by_group = np.bincount(scene.group, choice > 0, minlength=scene.groups)
        return {
            "moved_segments": int((choice[found.calls] > 0).sum()),
            "volatile_slots": int((by_group[found.slots] > 0).sum()),
            "reordered_calls": len(np.unique(call[sorted_])),
        }


@dataclass(frozen=True)
class Judged:
    """What each call gets, and the tokens behind it."""

    choice: Int  # [call]: 0: as it is, 1: laid out anew, 2: and padded
    tally: Mapping[str, int]
    before: Int  # [call, leaf]
    after: Int  # [call, leaf], as each agent's choice was billed

    def cached(self, rows: Bool) -> dict[str, int]:
        """Sums over these calls."""
        out = {}
        for when, leaves in (("before", self.before), ("after", self.after)):
            out[f"input_{when}"] = int(leaves[rows][:, INPUT].sum())
            out[f"read_{when}"] = int(leaves[rows][:, list(CACHE_READS)].sum())
        return out


def judge(
    scene: Scene, drafts: list[Draft], artifacts: Artifacts, *, only_if_cheaper: bool
) -> Judged:
    """Agent by agent the cheapest draft, as both stand in the bill."""
    base, before = artifacts.bill(scene.view).net_pusd, artifacts.leaves(scene.view)
    gains = [np.zeros(scene.groups, np.int64)]
    leaves = [before]
    for draft in drafts:
        seen = seen_as(scene.view, draft.layout.request, draft.layout.made, artifacts)
        gain = base - artifacts.bill(seen).net_pusd
        gains.append(group_sums(gain, scene.group, scene.groups))
        leaves.append(artifacts.leaves(seen))
    if not only_if_cheaper:
        gains[0] = np.full(scene.groups, np.iinfo(np.int64).min)
    choice = np.where(scene.rows, np.argmax(gains, axis=0)[scene.group], 0)
    could = np.logical_or.reduce([d.changed for d in drafts])
    after = np.select([(choice == i)[:, None] for i in range(1, len(leaves))], leaves[1:], before)
    return Judged(choice, {"left_as_dearer": int((could & (choice == 0)).sum())}, before, after)
