"""Reach-back: logged answers that use what an edit took out of the request and left nowhere else.

An answer reaches back where one of its identifiers, numbers, paths or quotes stands in a segment that
was dropped and in none that stays. Measured on the log: the answers are those of the whole context.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.layers.base import Artifacts
from costopt.layers.parts.texts import NONE, Anchors, AnchorTable, anchor_table
from costopt.model.call import SegmentKind
from costopt.model.trace import Ragged
from costopt.model.view import View

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

OPEN_LOOP = (
    "The logged answers are kept: what an agent does after it has forgotten a turn (reading a file "
    "again, asking again) is not in the log."
)
_NEVER_TEXT = (SegmentKind.IMAGE, SegmentKind.FILE)


@dataclass(frozen=True, slots=True)
class ReachBack:
    """Which of the edited calls reach back. Both are [call]."""

    seen: Bool
    """The log has the text of the answer and of all that was dropped: it could be looked at."""
    reached: Bool


def reach_back(view: View, after: Ragged, rows: Int, artifacts: Artifacts) -> ReachBack:
    """Of these calls: whose answer uses what `after` no longer sends.

    `after`: requests behind the edit; ids that the view does not know (a summary) hold nothing. A view
    with the edit's own made segments knows them: what is left of a result that was cut holds its part.
    """
    n = view.trace.n
    out = ReachBack(np.zeros(n, np.bool_), np.zeros(n, np.bool_))
    if not len(rows) or not view.segments.has_text.any():
        return out
    texts = artifacts.texts(view)
    table = anchor_table(view.trace, texts)
    used = _segments(view, after, rows)
    held = dict(zip(used.tolist(), table.of(view, texts, used), strict=True))
    unseen = _without_text(view, held)
    for row in rows.tolist():
        answer = _answer(view, row, table)
        kept = set(after.row(row).tolist())
        dropped = set(view.request.row(row).tolist()) - kept
        if answer is None or not unseen.isdisjoint(dropped):
            continue
        out.seen[row] = True
        out.reached[row] = reaches(answer, dropped, kept, held)
    return out


def _segments(view: View, after: Ragged, rows: Int) -> NDArray[np.int32]:
    """Distinct segments of these calls before and behind the edit, of those that the view knows."""
    before = view.request.ids[view.request.uses_of(rows)]
    ids = np.unique(np.concatenate((before, after.ids[after.uses_of(rows)])))
    return ids[ids < len(view.segments)]


def reaches(
    answer: Anchors, dropped: set[int], kept: set[int], held: Mapping[int, Anchors | None]
) -> bool:
    """The answer has an anchor of a dropped segment that no kept one has."""
    gone = answer
    for segment in kept:
        gone = gone - (held.get(segment) or NONE)
        if not gone:
            return False
    return any(not gone.isdisjoint(held.get(segment) or NONE) for segment in dropped)


def _answer(view: View, row: int, table: AnchorTable) -> Anchors | None:
    """Anchors of the call's logged answer; None: the log has no text of it."""
    parts = [table.answer[s] for s in view.trace.response.row(row).tolist() if s in table.answer]
    return frozenset().union(*parts) if parts else None


def _without_text(view: View, held: Mapping[int, Anchors | None]) -> set[int]:
    """Segments of which nobody can say what they held; of an image nothing could be quoted."""
    kind = view.segments.kind
    return {s for s, found in held.items() if found is None and kind[s] not in _NEVER_TEXT}
