"""Requests laid out anew: common text in front, padding, what sessions tell apart, messages, clocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.billing.view_tokens import differing_rows, resized
from costopt.layers.base import Artifacts
from costopt.layers.parts.layout_lead import Scene
from costopt.layers.parts.requests import inserted, replaced
from costopt.layers.parts.turns import ANSWER
from costopt.layers.parts.volatile import Moves
from costopt.model.made import Made
from costopt.model.trace import Ragged
from costopt.model.view import View

Int = NDArray[np.int64]
Ids = NDArray[np.int32]
Bool = NDArray[np.bool_]


@dataclass(frozen=True)
class Pads:
    """Neutral text behind what an agent's requests share, up to the provider's minimum."""

    made: Made
    calls: Int  # [padded call]
    ids: Ids  # [padded call]

    @classmethod
    def none(cls, made: Made) -> Pads:
        return cls(made, np.zeros(0, np.int64), np.zeros(0, np.int32))

    def only(self, rows: Bool) -> Pads:
        """Those of some of the padded calls."""
        return Pads(self.made, self.calls[rows], self.ids[rows])


@dataclass(frozen=True)
class Layout:
    """Requests of all calls, with the places that a cache mark may stand on. Places are [call]."""

    request: Ragged
    made: Made
    front_end: Int
    """Last use of what the agent's requests share (padding included); -1: nothing stands in front."""
    session_end: Int
    """Last use in front of the messages; -1: nothing stands there."""
    last: Int
    """Last use in front of what was put at the end; -1: none."""
    laid: Bool  # [call]
    """Something was taken out of its text, or padded."""


def laid_out(scene: Scene, ids: Ids, moves: Moves, pads: Pads, keep: Bool) -> Layout:
    """`ids`: [request use], moved texts and order included. `keep`: [call] those laid out anew."""
    block, n = scene.view.request, scene.view.trace.n
    base = block
    if ids is not block.ids:
        mine = np.repeat(keep, block.lengths)
        base = replaced(scene.view, np.where(mine, ids, block.ids).astype(np.int32))
    edited = scene.view.edited(request=base, made=pads.made)
    lead_end, end = block.offsets[:-1] + scene.lead, _end(scene)
    pad, new = keep[pads.calls], keep[moves.calls]
    at_end = moves.at_end & new
    in_front = new & ~moves.at_end
    place = np.where(moves.at_end, end[moves.calls], moves.places)
    calls = np.concatenate((pads.calls[pad], moves.calls[in_front], moves.calls[at_end]))
    places = np.concatenate((lead_end[pads.calls[pad]], place[in_front], place[at_end]))
    more = np.concatenate((pads.ids[pad], moves.new_ids[in_front], moves.new_ids[at_end]))
    request = inserted(edited, calls, places, more.astype(np.int32))
    padded = np.bincount(pads.calls[pad], minlength=n)
    by_session = np.bincount(
        moves.calls[in_front & (moves.places == lead_end[moves.calls])], minlength=n
    )
    ends = np.bincount(moves.calls[at_end], minlength=n)
    shared = scene.lead + padded
    first = request.offsets[:-1]
    last = request.offsets[1:] - 1 - ends - (block.offsets[1:] - end)
    changed = np.zeros(n, np.bool_)
    changed[calls] = True
    return Layout(
        request, pads.made,
        np.where(shared > 0, first + shared - 1, -1),
        np.where(shared + by_session > 0, first + shared + by_session - 1, -1),
        np.where(last >= first, last, -1), changed,
    )  # fmt: skip


def _end(scene: Scene) -> Int:  # [call]
    """The use in front of which the request ends: an answer that it begins for the model stays last."""
    block = scene.view.request
    answer = np.isin(scene.view.segments.kind, ANSWER)
    end = block.offsets[1:].copy()
    while True:
        open_ = np.flatnonzero(end > block.offsets[:-1])
        back = open_[answer[block.ids[end[open_] - 1]]]
        if not len(back):
            return end
        end[back] -= 1


def changed_calls(before: Ragged, after: Ragged) -> Bool:  # [call]
    """Other segments or other marks than before."""
    if before is after:
        return np.zeros(len(before.offsets) - 1, np.bool_)
    marks = [Ragged(b.offsets, b.flags.astype(np.int32), b.flags) for b in (before, after)]
    return differing_rows(before, after) | differing_rows(*marks)


def seen_as(view: View, request: Ragged, made: Made, artifacts: Artifacts) -> View:
    """The view with these requests and the input totals that they come to."""
    after = view.edited(request=request, made=made)
    leaves = resized(view, after, artifacts.hidden(view), artifacts.tokens(after))
    return after.edited(leaves=leaves)
