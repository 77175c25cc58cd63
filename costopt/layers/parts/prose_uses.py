"""Which uses of a request a compressor may touch: long texts of the kinds asked for, no questions."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.layers.base import Artifacts, ArtifactSpec
from costopt.layers.parts.requests import counted
from costopt.layers.parts.turns import turns_of
from costopt.model.call import SegmentKind
from costopt.model.view import View

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
KINDS = {
    "system": SegmentKind.SYSTEM, "user": SegmentKind.USER,
    "assistant": SegmentKind.ASSISTANT, "tool_result": SegmentKind.TOOL_RESULT,
}  # fmt: skip


@dataclass(frozen=True)
class ProseUses:
    """Uses with text of enough tokens; `segment` and `share` are [distinct segment]."""

    use: Int  # [use], into the request's uses, in order
    call: Int  # [use]
    tokens: Int  # [use], by the call's own model
    of_use: Int  # [use], into `segment`
    segment: NDArray[np.int32]
    share: NDArray[np.float64]
    """Of its characters that are prose."""

    @property
    def share_of_use(self) -> NDArray[np.float64]:  # [use]
        return np.asarray(self.share[self.of_use])

    def where(self, chosen: Bool) -> ProseUses:
        """Of some uses."""
        kept, of_use = np.unique(self.of_use[chosen], return_inverse=True)
        return ProseUses(
            self.use[chosen], self.call[chosen], self.tokens[chosen], of_use.reshape(-1),
            self.segment[kept], self.share[kept],
        )  # fmt: skip


def prose_uses(
    view: View, rows: Bool, kinds: Collection[str], min_tokens: int, user_messages: bool,
    keep_numbers: bool, artifacts: Artifacts,
) -> tuple[ProseUses, int]:  # fmt: skip
    """(the uses in these calls, how many of the calls have such segments without text)."""
    table, block = view.segments, view.request
    # No token is shorter than a byte: most are ruled out without being counted.
    size = np.where(table.tokens >= 0, table.tokens, table.n_bytes)
    wanted = np.isin(table.kind, [KINDS[k] for k in kinds]) & (size >= min_tokens)
    here = wanted[block.ids] & np.repeat(rows, block.lengths)
    here &= ~asked(view, user_messages)
    use = np.flatnonzero(here)
    call = np.searchsorted(block.offsets, use, side="right") - 1
    seen = table.has_text[block.ids[use]]
    blind = len(np.unique(call[~seen]))
    use, call = use[seen], call[seen]
    tokens = counted(view, use, call, artifacts)
    long = tokens >= min_tokens
    use, call, tokens = use[long], call[long], tokens[long]
    segment, of_use = np.unique(block.ids[use], return_inverse=True)
    segment = segment.astype(np.int32)
    setting = (("keep_numbers", keep_numbers), ("segments", segment.tobytes()))
    share = artifacts.build(ArtifactSpec("compressible", setting), view)
    return ProseUses(use, call, tokens, of_use.reshape(-1), segment, share), blind


def asked(view: View, user_messages: bool) -> Bool:  # [request use]
    """Uses of a user message that is the last one of some call of its session: what is asked.

    It stays as it is in every later call, too: its bytes must not change once it stands in the prompt
    cache. `user_messages`: those behind an answer are results, and no questions.
    """
    block = view.request
    user = view.segments.kind[block.ids] == SegmentKind.USER
    if user_messages:
        user &= turns_of(view).number == 0
    at = np.flatnonzero(user)
    call = np.searchsorted(block.offsets, at, side="right") - 1
    key = view.trace.session[call].astype(np.int64) * len(view.segments) + block.ids[at]
    is_last = np.ones(len(at), np.bool_)
    is_last[:-1] = call[1:] != call[:-1]
    out = np.zeros(len(block.ids), np.bool_)
    out[at[np.isin(key, np.unique(key[is_last]))]] = True
    return out
