"""A system prompt cut to a length: not for a policy, only to ask what that advice would do to a bill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from costopt.layers.base import Artifacts, Partition
from costopt.layers.parts.requests import counted, kept, removed_tokens, replaced
from costopt.layers.parts.turns import editable
from costopt.model.call import SegmentKind
from costopt.model.effect import Effect, LayerReport, Risk
from costopt.model.view import Column, View
from costopt.prices.contract import PriceBook

Int = NDArray[np.int64]
UNLIMITED = 1_000_000_000


@dataclass(frozen=True)
class ShortSystem:
    """The first `max_tokens` of each request's system prompt, the rest not sent.

    Where exactly a prompt would be shortened is its author's to say: what is left stays the same from
    call to call, so the beginning of the requests keeps its bytes and the cache what it can hold of them.
    """

    max_tokens: int = 500
    """Of all system messages of a request together, in tokens of the call's model."""

    partition: ClassVar[Partition] = Partition.ROWS
    needs: ClassVar[tuple[str, ...]] = ()
    touches: ClassVar[frozenset[Column]] = frozenset({Column.REQUEST, Column.MADE})
    NEUTRAL: ClassVar[Mapping[str, Any]] = {"max_tokens": UNLIMITED}

    def apply(self, view: View, prices: PriceBook, artifacts: Artifacts) -> Effect:
        """Long system prompts by their beginnings."""
        block = view.request
        uses = np.flatnonzero(view.segments.kind[block.ids] == SegmentKind.SYSTEM)
        call = np.searchsorted(block.offsets, uses, side="right") - 1
        mine = editable(view, prices)[call]
        uses, call = uses[mine], call[mine]
        tokens = counted(view, uses, call, artifacts)
        room = np.clip(self.max_tokens - _before(tokens, call), 0, None)
        long = tokens > room
        if not long.any():
            return Effect()
        short, gone = long & (room > 0), long & (room == 0)
        made, ids = self._made(view, block.ids[uses[short]], room[short], tokens[short])
        new = block.ids.copy()
        new[uses[short]] = ids
        keep = np.ones(len(new), np.bool_)
        keep[uses[gone]] = False
        after = view.edited(request=replaced(view, new), made=made)
        after = after.edited(request=kept(after, keep, pass_marks=True))
        touched = np.zeros(view.trace.n, np.bool_)
        touched[call[long]] = True
        tally = {"tokens_removed": removed_tokens(view, after, artifacts)}
        edits = {Column.REQUEST: after.request, Column.MADE: made}
        return Effect(edits, touched, touched, tally=tally)

    def report(self, tally: Mapping[str, int], detail: Mapping[str, Any]) -> LayerReport:
        """What the answers lose without those instructions no log shows."""
        evidence = {"tokens_removed": tally.get("tokens_removed", 0)}
        risk = Risk("answers_differ", None, None, "unverified: instructions are missing")
        return LayerReport(evidence, risk, not tally, "from_log")

    def ranges(self) -> Mapping[str, tuple[Any, Any]]:
        """None: the length is a rule."""
        return {}

    def _made(
        self, view: View, source: NDArray[np.int32], room: Int, whole: Int
    ) -> tuple[Any, NDArray[np.int32]]:
        """(the view's made segments with the beginnings, [short use] id of its beginning)."""
        rows = np.stack((source.astype(np.int64), room, whole), axis=1)
        distinct, which = np.unique(rows, axis=0, return_inverse=True)
        source = distinct[:, 0].astype(np.int32)
        room, table = distinct[:, 1], view.segments
        made, ids = view.made.added(
            kind=table.kind[source], name=table.name.codes[source], tokens=room, source=source,
            head=room, tail=np.zeros(len(source), np.int64), mark="short_system",
            whole=distinct[:, 2],
        )  # fmt: skip
        return made, ids[which.reshape(-1)]


def _before(tokens: Int, call: Int) -> Int:
    """[use] tokens of the same call's uses in front of it; uses are in the order of their calls."""
    running = np.cumsum(tokens) - tokens
    first = np.concatenate(([True], call[1:] != call[:-1]))[: len(call)]
    return running - np.repeat(running[first], np.diff(np.append(np.flatnonzero(first), len(call))))
