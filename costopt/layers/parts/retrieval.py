"""What a memory gives back: for each call the stored segments nearest to its last messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.layers.parts.turns import Turns
from costopt.model.call import SegmentKind
from costopt.model.view import View

Int = NDArray[np.int64]
Ids = NDArray[np.int32]
Bool = NDArray[np.bool_]
Vectors = NDArray[np.float32]

STORED = (
    SegmentKind.USER, SegmentKind.ASSISTANT, SegmentKind.TOOL_CALL, SegmentKind.TOOL_RESULT,
)  # fmt: skip
"""What is remembered; reasoning is not sent again by any provider, pictures have no text."""
_ASKS = (SegmentKind.USER, SegmentKind.TOOL_RESULT)


@dataclass(frozen=True, slots=True)
class Stored:
    """Segments in the store, each once for every session that put it there."""

    call: Int  # [stored]: the call whose edit put it there, in the order of calls
    session: Int  # [stored]
    segment: Ids  # [stored]


def asking_uses(view: View, last: int) -> Bool:  # [request use]
    """The last messages of each call (user, tool result) that the log has the text of."""
    block, table = view.request, view.segments
    asks = np.isin(table.kind[block.ids], _ASKS) & table.has_text[block.ids]
    running = np.concatenate(([0], np.cumsum(asks)))
    behind = np.repeat(running[block.offsets[1:]], block.lengths) - running[1:]
    return asks & (behind < last)


def storable_uses(view: View) -> Bool:  # [request use]
    """Uses that can be embedded."""
    block, table = view.request, view.segments
    return np.isin(table.kind[block.ids], STORED) & table.has_text[block.ids]


def stored(view: View, uses: Int) -> Stored:
    """Of these request uses each (session, segment) once, by the first call that has it."""
    call = np.searchsorted(view.request.offsets, uses, side="right") - 1
    session, segment = view.trace.session[call].astype(np.int64), view.request.ids[uses]
    _, first = np.unique(session * len(view.segments) + segment, return_index=True)
    first = np.sort(first)
    return Stored(call[first], session[first], segment[first])


@dataclass(frozen=True)
class Store:
    """The store while the calls go by. `vectors` are of the segments `known`, which are sorted."""

    known: Ids
    vectors: Vectors
    others: dict[int, Stored]
    """User to what all of his sessions stored; empty: each session has a memory of its own."""
    user: Int  # [call]
    session: Int  # [call]

    def of(self, segments: Ids) -> Vectors:
        return self.vectors[np.searchsorted(self.known, segments)]

    def elsewhere(self, call: int) -> Ids:
        """Segments that other sessions of the call's user stored before it."""
        found = self.others.get(int(self.user[call]))
        if found is None:
            return np.zeros(0, np.int32)
        before = int(np.searchsorted(found.call, call))
        outside = found.session[:before] != self.session[call]
        return found.segment[:before][outside]

    def nearest(self, asked: Ids, candidates: Ids, top_k: int, least: float) -> Ids:
        """The `top_k` candidates most like the messages asked with; ties: the first one."""
        query = self.of(asked).sum(axis=0, dtype=np.float64)
        length = float(np.linalg.norm(query))
        if not len(candidates) or not length:
            return candidates[:0]
        score = np.round(self.of(candidates) @ (query / length), 6)
        order = np.argsort(-score, kind="stable")[:top_k]
        return candidates[order[score[order] >= least]]


def by_user(found: Stored, user: Int) -> dict[int, Stored]:
    """What each named user's sessions stored, in the order of calls. `user`: [call], 0: nobody is named."""
    code = user[found.call]
    out = {}
    for one in np.unique(code[code > 0]).tolist():
        rows = np.flatnonzero(code == one)
        out[one] = Stored(found.call[rows], found.session[rows], found.segment[rows])
    return out


def recalled(
    view: View, memory: Store, rows: Int, asks: Bool, gone: Bool, top_k: int, least: float
) -> Iterator[tuple[int, Ids]]:
    """(call, segments that come back, oldest first) of the calls `rows`.

    `asks`, `gone`: [request use] the messages asked with, and what has left the context.
    """
    block = view.request
    for call in rows.tolist():
        part = slice(int(block.offsets[call]), int(block.offsets[call + 1]))
        ids, out = block.ids[part], gone[part]
        still = set(ids[~out].tolist())
        # Each once, where it stands first: lists this short are faster than arrays.
        pool = dict.fromkeys(ids[out].tolist() + memory.elsewhere(call).tolist())
        candidates = np.array([s for s in pool if s not in still], np.int32)
        best = set(memory.nearest(ids[asks[part]], candidates, top_k, least).tolist())
        yield call, np.array([s for s in candidates.tolist() if s in best], np.int32)


def before_last_message(view: View, turns: Turns) -> Int:  # [call]
    """Where recalled text goes: in front of the user's last message, else of the last turn.

    Behind everything that is the same from call to call, so that the cached beginning stays; never
    between a tool call and its result.
    """
    block = view.request
    use = np.arange(len(block.ids))
    call = block.call_of_use()
    user = view.segments.kind[block.ids] == SegmentKind.USER
    # The last use that is no user message; what follows it is the message.
    last_other = np.full(len(block.offsets) - 1, -1, np.int64)
    np.maximum.at(last_other, call[~user], use[~user])
    in_last = turns.number == np.repeat(turns.count, block.lengths)
    opens = block.offsets[1:].copy()
    np.minimum.at(opens, call[in_last], use[in_last])
    behind = np.maximum(last_other + 1, block.offsets[:-1])
    return np.where(behind < block.offsets[1:], behind, opens)
