"""Where requests begin: the tools and system prompt in front, and which calls a layout can help."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.billing.marginal import charged
from costopt.billing.prompt_cache.namespace import combined, namespace_codes
from costopt.billing.prompt_cache.rules import RuleColumns, rule_columns
from costopt.layers.base import Artifacts
from costopt.layers.settings import Patterns, matching
from costopt.model.call import SegmentKind
from costopt.model.trace import Ragged
from costopt.model.view import View
from costopt.prices.contract import PriceBook

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
_FRONT = (SegmentKind.TOOLS, SegmentKind.SYSTEM)


@dataclass(frozen=True)
class Scene:
    """What all parts of the layer look at."""

    view: View
    rules: RuleColumns
    rows: Bool  # [call]: may be laid out anew: paid for, shown in the log, and a cache is there to gain
    group: Int  # [call]: one agent in one provider cache; codes are dense
    lead: Int  # [call]: tools and system segments in front of the first message
    without_cache: int
    """Calls that would be looked at, had their model a cache at that time and tier."""

    @classmethod
    def of(cls, view: View, prices: PriceBook, artifacts: Artifacts, match: Patterns) -> Scene:
        """A cache that only the log's own reads tell of counts as one, too."""
        rules = rule_columns(view, prices)
        trace, space = view.trace, namespace_codes(view)
        proven = np.bincount(space, trace.cache_read > 0, minlength=1)[space] > 0
        rows = charged(view, prices) & trace.has_content & (trace.requests == 1)
        rows &= matching(view, match, artifacts)
        served = rules.reads & (rules.active | proven)
        agent = artifacts.column(view, "agent")
        group = combined([space, agent.codes], trace.n)
        lead = leading(view.request, view.segments.kind)
        return cls(view, rules, rows & served, group, lead, int((rows & ~served).sum()))

    @property
    def groups(self) -> int:
        return int(self.group.max(initial=-1)) + 1


def leading(block: Ragged, kind: NDArray[np.int8]) -> Int:  # [call]
    """Tools and system segments before the first segment of another kind. `kind`: [segment]."""
    other = np.flatnonzero(~np.isin(kind, _FRONT)[block.ids])
    first = np.append(other, len(block.ids))[np.searchsorted(other, block.offsets[:-1])]
    return np.minimum(first, block.offsets[1:]) - block.offsets[:-1]


def lead_uses(scene: Scene, kind: SegmentKind) -> Int:
    """Request uses of this kind in front of the first message, in calls that may be laid out anew."""
    block = scene.view.request
    within = np.arange(len(block.ids)) - np.repeat(block.offsets[:-1], block.lengths)
    in_front = within < np.repeat(np.where(scene.rows, scene.lead, 0), block.lengths)
    return np.flatnonzero(in_front & (scene.view.segments.kind == kind)[block.ids])


def hashes(block: Ragged, uses: Int, n: int) -> tuple[NDArray[np.uint64], Int]:
    """([call] of the chosen uses in their order, [use] its call). Equal lists have equal hashes.

    Segments are told by number, so a hash means something within one view only.
    """
    call = np.searchsorted(block.offsets, uses, side="right") - 1
    first = np.searchsorted(call, call)
    place = (np.arange(len(uses)) - first).astype(np.uint64)
    mixed = _mix(_mix(block.ids[uses].astype(np.uint64)) + place * np.uint64(0x9E3779B97F4A7C15))
    out = np.zeros(n, np.uint64)
    np.add.at(out, call, mixed)
    return out, call


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """splitmix64 (https://prng.di.unimi.it/splitmix64.c, public domain, checked 2026-11-25)."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
