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
from costopt.model.trace import Ragged, stretches
from costopt.model.view import View
from costopt.prices.contract import PriceBook

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
_FRONT = (SegmentKind.TOOLS, SegmentKind.SYSTEM)
_ODD = np.uint64(0x9E3779B97F4A7C15)


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
    front = np.isin(kind, _FRONT)
    out = np.zeros(len(block.offsets) - 1, np.int64)
    calls = np.flatnonzero(block.lengths > 0)
    while len(calls):  # as often as the longest front is long: tens of times
        calls = calls[front[block.ids[block.offsets[calls] + out[calls]]]]
        out[calls] += 1
        calls = calls[block.offsets[calls] + out[calls] < block.offsets[calls + 1]]
    return out


def lead_uses(scene: Scene, kind: SegmentKind) -> tuple[Int, Int]:
    """(request uses of this kind in front of the first message, [use] their call), in calls that may be
    laid out anew."""
    block, calls = scene.view.request, np.flatnonzero(scene.rows)
    uses = stretches(block.offsets[calls], scene.lead[calls])
    call = np.repeat(calls, scene.lead[calls])
    mine = (scene.view.segments.kind == kind)[block.ids[uses]]
    return uses[mine], call[mine]


def places_in(call: Int) -> Int:  # [use]
    """0, 1, 2, ... within each call. `call`: [use], each call's uses together."""
    first = np.flatnonzero(np.diff(call, prepend=-1))
    return np.arange(len(call)) - np.repeat(first, np.diff(first, append=len(call)))


def hashes(scene: Scene, ids: NDArray[np.int32], call: Int) -> NDArray[np.uint64]:  # [call]
    """Of each call's agent and these segments in their order. `ids`, `call`: [use].

    Segments are told by number, so a hash means something within one view only.
    """
    place = places_in(call).astype(np.uint64)
    mixed = _mix(_mix(ids.astype(np.uint64)) + place * _ODD)
    out = _mix(scene.group.astype(np.uint64) + _ODD)
    first = np.flatnonzero(np.diff(call, prepend=-1))
    if len(first):
        out[call[first]] += np.add.reduceat(mixed, first)
    return out


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """splitmix64 (https://prng.di.unimi.it/splitmix64.c, public domain, checked 2026-11-25)."""
    x = x + _ODD
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
