"""Which calls of a view can be sent again, and why the others cannot: all calls at once, by their columns.

What only a text can tell (half a character, a tool result that fits no call) is seen when one is built.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import orjson
from numpy.typing import NDArray

from costopt.model.call import CallStatus, SegmentKind
from costopt.model.leaf import Leaf
from costopt.model.ports import Texts
from costopt.model.request_settings import as_mapping, unsendable
from costopt.model.trace import Ragged
from costopt.model.view import View

Bool = NDArray[np.bool_]
_S = SegmentKind
NO_TEXT = "the log keeps no text of its request"
LOST_TEXT = "a part of its text was not kept"
NOT_WRITTEN = "a layer's text was not written (a summary or a compressed block)"
NO_PAIR = "a tool's result stands without its call, or a call without its result"
BROKEN = "its text holds half a character, which no request can carry"
_NO_CHAT = re.compile(
    r"embed|rerank|moderation|whisper|transcribe|(^|[-_/])tts([-_]|$)|dall-e|gpt-image|imagen|veo-|sora"
)
_MESSAGES = (_S.USER, _S.ASSISTANT, _S.TOOL_CALL, _S.TOOL_RESULT, _S.FILE)
_HOSTED = (
    "web_search", "web_fetch", "code_interpreter", "code_execution", "file_search", "mcp", "tool_search",
    "image_generation", "computer_use_preview", "local_shell", "shell", "apply_patch",
)  # fmt: skip
_HOSTED_KEYS = frozenset((
    "googleSearch", "google_search", "googleSearchRetrieval", "codeExecution", "code_execution",
    "urlContext", "url_context", "fileSearch", "file_search", "googleMaps", "google_maps",
))  # fmt: skip
"""Tools that the provider runs by itself: they cost extra, and what they found is not in the log."""


@dataclass(frozen=True)
class Sendable:
    """`why`: [call] places in `reasons`; 0: it can be sent."""

    view: View
    texts: Texts
    signed: bool
    """The endpoint demands signatures of earlier thinking (Anthropic); they are in no log."""

    @cached_property
    def _found(self) -> tuple[NDArray[np.int16], list[str]]:
        why = np.zeros(self.view.trace.n, np.int16)
        reasons = [""]
        for reason, rows in self._checks():
            mask = rows() & (why == 0)
            if mask.any():
                why[mask] = len(reasons)
                reasons.append(reason)
        self._by_settings(why, reasons)
        return why, reasons

    @property
    def why(self) -> NDArray[np.int16]:  # [call]
        return self._found[0]

    @property
    def reasons(self) -> list[str]:
        return self._found[1]

    def _checks(self) -> list[tuple[str, Callable[[], Bool]]]:
        view, trace = self.view, self.view.trace
        there = view.segments.has_text
        return [
            ("a gateway's cache answered it: no model was asked",
             lambda: trace.status == CallStatus.GATEWAY_HIT),
            ("the policy does not send it", lambda: ~view.sent),
            ("it failed in the log: there is no answer to compare with",
             lambda: trace.status == CallStatus.FAILED),
            ("it stands for several requests of a run", lambda: trace.requests > 1),
            ("it is no chat (an embedding, speech, an image)",
             lambda: self._of_model(lambda name: bool(_NO_CHAT.search(name.lower())))),
            (NO_TEXT, lambda: ~trace.has_content | (view.request.lengths == 0)),
            ("it is of a trace without text: hashes and counts alone", lambda: self._any(_S.BLOCK)),
            ("it holds an image or a file, of which the ledger keeps a hash alone",
             lambda: self._any(_S.IMAGE, _S.FILE, where=~there)),
            (LOST_TEXT, lambda: self._lost(made=False)),
            (NOT_WRITTEN, lambda: self._lost(made=True)),
            ("the log names no model", lambda: ~self._of_model(bool)),
            ("it holds no message", lambda: ~self._any(*_MESSAGES)),
            (NO_PAIR, lambda: unpaired(view.request, view.segments.kind)),
            ("it calls a tool without a name",
             lambda: self._any(_S.TOOL_CALL, where=view.segments.name.codes == 0)),
            ("it thinks, and the log keeps no signatures of the earlier thinking that it sends along",
             self._unsigned),
            ("the provider may run tools of its own, whose fees have no bound", self._hosted),
        ]  # fmt: skip

    def _of_model(self, holds: Callable[[str], bool]) -> Bool:  # [call]
        model = self.view.model
        return np.array([holds(name) for name in model.values], np.bool_)[model.codes]

    def _any(self, *kinds: SegmentKind, where: Bool | None = None) -> Bool:  # [call]
        """Calls with a segment of these kinds. `where`: [segment]."""
        chosen = np.isin(self.view.segments.kind, kinds)
        return calls_with(self.view.request, chosen if where is None else chosen & where)

    def _lost(self, *, made: bool) -> Bool:  # [call]
        table = self.view.segments
        of_layer = np.arange(len(table)) >= len(self.view.made.base)
        return calls_with(
            self.view.request,
            ~table.has_text & (table.kind != _S.REASONING) & (of_layer == made),
        )

    def _unsigned(self) -> Bool:  # [call]
        """Thinking is on, and the request holds earlier thinking."""
        view, trace = self.view, self.view.trace
        if not self.signed:
            return np.zeros(trace.n, np.bool_)
        claude = self._of_model(lambda name: "claude" in name.lower())
        router = np.array([name == "openrouter" for name in view.provider.values], np.bool_)
        claude &= ~router[view.provider.codes]
        thought = calls_with(view.response, view.segments.kind == _S.REASONING)
        thought |= trace.leaves[:, Leaf.OUTPUT_REASONING] > 0
        on = np.array([_thinks(s) for s in trace.settings.values])[trace.settings.codes]
        return claude & self._any(_S.REASONING) & ((on == 1) | ((on == 0) & thought))

    def _hosted(self) -> Bool:  # [call]
        table = self.view.segments
        places = np.flatnonzero((table.kind == _S.TOOLS) & table.has_text)
        chosen = np.zeros(len(table), np.bool_)
        for place, text in zip(
            places.tolist(), self.texts.get(places.astype(np.int32)), strict=True
        ):
            chosen[place] = text is not None and is_hosted(text)
        settings = self.view.trace.settings
        search = np.array(['"web_search_options"' in s for s in settings.values], np.bool_)
        return np.asarray(calls_with(self.view.request, chosen) | search[settings.codes])

    def _by_settings(self, why: NDArray[np.int16], reasons: list[str]) -> None:
        settings = self.view.trace.settings
        for code, text in enumerate(settings.values):
            reason = unsendable(text)
            mask = (settings.codes == code) & (why == 0) if reason else None
            if mask is not None and mask.any():
                if reason not in reasons:
                    reasons.append(reason)
                why[mask] = reasons.index(reason)


def _thinks(settings: str) -> int:
    """1: it asks for thinking; -1: it forbids it; 0: it says nothing."""
    told = as_mapping(settings).get("thinking") if "thinking" in settings else None
    if not isinstance(told, dict):
        return 0
    return -1 if told.get("type") == "disabled" else 1


def is_hosted(tool: str) -> bool:
    """By the type or the only key of a tool; those that the client runs (`bash_20250124`) are none."""
    try:
        told = orjson.loads(tool)
    except ValueError:
        return False
    kind = told.get("type") if isinstance(told, dict) else None
    named = isinstance(kind, str) and kind.startswith(_HOSTED)
    return named or (isinstance(told, dict) and not _HOSTED_KEYS.isdisjoint(told))


def calls_with(block: Ragged, chosen: Bool) -> Bool:  # [call]
    """Calls that use a chosen segment. `chosen`: [segment]."""
    before = np.concatenate(([0], np.cumsum(chosen[block.ids], dtype=np.int64)))
    return np.asarray(before[block.offsets[1:]] > before[block.offsets[:-1]])


def unpaired(block: Ragged, kind: NDArray[np.int8]) -> Bool:  # [call]
    """Calls in which somewhere more results than calls stand, or in the end fewer. `kind`: [segment]."""
    used = kind[block.ids]
    step = (used == _S.TOOL_CALL).astype(np.int64) - (used == _S.TOOL_RESULT)
    running = np.concatenate(([0], np.cumsum(step)))
    start = np.repeat(running[block.offsets[:-1]], block.lengths)
    early = np.concatenate(([0], np.cumsum(running[1:] < start)))
    ends = running[block.offsets[1:]] != running[block.offsets[:-1]]
    return np.asarray(ends | (early[block.offsets[1:]] > early[block.offsets[:-1]]))
