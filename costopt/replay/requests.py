"""Calls of a view as requests that can be sent, and its answers, block by block.

What is sent is what the view holds: cut, summarised and noted segments with their text, the view's model,
caps and cache marks. The model is the one that *served* the call (`gpt-4o-2024-11-20`, not the alias
`gpt-4o` that was asked for): its prices and its answers are what the projection knows. From the logged
request a rebuilt one may differ in the seams between blocks of one role, in the ids of tool calls, in white
space and key order of their arguments, in whether a tool's result was an error, and in what no log keeps
(headers, the user's id, reasoning that was encrypted). Calls of other interfaces (Responses, Gemini,
Bedrock) become chat requests of the same blocks. `endpoints/wire` says what each language changes further.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from costopt.model.call import Breakpoint, CallStatus, SegmentKind
from costopt.model.exchange import Block, Request
from costopt.model.ports import Texts
from costopt.model.trace import Categorical, Ragged
from costopt.model.view import View
from costopt.replay.call_ids import with_ids
from costopt.replay.sendable import BROKEN, LOST_TEXT, NO_PAIR, NOT_WRITTEN, Sendable

_KEPT_CHARS = 64_000_000
"""Of blocks at hand: a conversation's next request holds nearly all of them again."""
_KINDS = tuple(SegmentKind)
_MARKS = tuple(Breakpoint)


@dataclass
class Requests:
    """Requests of one view, built one by one."""

    view: View
    texts: Texts
    sendable: Sendable
    _blocks: dict[tuple[int, int], Block | None] = field(default_factory=dict)
    _chars: int = 0

    @classmethod
    def of(cls, view: View, texts: Texts, *, signed: bool = True) -> Requests:
        """`texts`: of this view, made segments included. `signed`: Claude is asked through Anthropic's
        own language, which demands signatures of earlier thinking; False: another model stands in for it,
        or it is asked in OpenAI's language."""
        return cls(view, texts, Sendable(view, texts, signed))

    def build(self, row: int) -> Request | str:
        """The request of a call, or why it cannot be sent, in words."""
        why = int(self.sendable.why[row])
        if why:
            return self.sendable.reasons[why]
        blocks = self._of(self.view.request, row)
        if isinstance(blocks, str):
            return blocks
        tied = with_ids(blocks)
        if tied is None:
            return NO_PAIR
        view, trace = self.view, self.view.trace
        limit, heat = int(view.max_tokens[row]), trace.temperature[row]
        return Request(
            provider=_text(view.provider, row), model=_text(view.model, row), blocks=tied,
            max_tokens=limit if limit > 0 else None,
            # As a decimal again: 0.7 is kept as 0.699999988.
            temperature=None if np.isnan(heat) else float(str(heat)),
            settings=_text(trace.settings, row), service_tier=_text(view.service_tier, row) or "default",
            prompt_cache_key=_text(trace.dims["prompt_cache_key"], row),
        )  # fmt: skip

    def answer(self, row: int) -> tuple[Block, ...] | None:
        """The view's answer to a call; None: it failed, or its text was not kept."""
        if self.view.trace.status[row] == CallStatus.FAILED:
            return None
        found = self._of(self.view.response, row)
        return None if isinstance(found, str) or not found else tuple(found)

    def reasons(self, rows: Iterable[int] | None = None) -> Mapping[str, int]:
        """Why calls cannot be sent, and how many for each reason; without texts. None: of all calls."""
        why = self.sendable.why if rows is None else self.sendable.why[np.fromiter(rows, np.int64)]
        counts = Counter(why.tolist())
        return {self.sendable.reasons[code]: n for code, n in counts.most_common() if code}

    def _of(self, block: Ragged, row: int) -> list[Block] | str:
        """Blocks in wire order; reasoning that no text tells of is passed over."""
        first, last = int(block.offsets[row]), int(block.offsets[row + 1])
        uses = list(
            zip(block.ids[first:last].tolist(), block.flags[first:last].tolist(), strict=True)
        )
        self._fetch(uses)
        out: list[Block] = []
        for use in uses:
            found = self._blocks[use]
            if found is not None:
                out.append(found)
            elif self.view.segments.kind[use[0]] != SegmentKind.REASONING:
                return self._why_lost(use[0])
        return out

    def _fetch(self, uses: list[tuple[int, int]]) -> None:
        """Blocks of these uses; None: no text that can be sent."""
        if self._chars > _KEPT_CHARS:
            self._blocks.clear()
            self._chars = 0
        new = [use for use in dict.fromkeys(uses) if use not in self._blocks]
        table = self.view.segments
        for (segment, mark), text in zip(new, self.texts.get([s for s, _ in new]), strict=True):
            block = None
            if text is not None and _is_whole(text):
                name = _text(table.name, segment)
                block = Block(_KINDS[table.kind[segment]], text, name, "", _MARKS[mark])
                self._chars += len(text)
            self._blocks[segment, mark] = block

    def _why_lost(self, segment: int) -> str:
        if self.texts.get([segment])[0] is not None:
            return BROKEN
        return NOT_WRITTEN if segment >= len(self.view.made.base) else LOST_TEXT


def _is_whole(text: str) -> bool:
    """Without half of a surrogate pair."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(column: Categorical, row: int) -> str:
    return column.values[int(column.codes[row])]
