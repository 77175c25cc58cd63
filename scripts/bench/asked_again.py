"""A help desk's single questions, many asked again in other words: what a semantic cache is for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bench.generate import WORDS
from bench.made_trace import Agent, made_trace
from costopt.model.call import SegmentKind
from costopt.model.trace import Trace

_DESK = Agent("desk", "openai", "gpt-4o-mini", 1.0, 1.0, 0, 300, 0, 40)
_WORDS_OF = 12


def asked_again(calls: int, seed: int = 1) -> tuple[Trace, Words]:
    """The trace and its texts; a third as many questions as calls, each asked in several wordings."""
    trace = made_trace(calls, seed, (replace(_DESK, prompts=calls // 2),))
    segments = replace(trace.segments, has_text=np.ones(len(trace.segments), np.bool_))
    return replace(trace, segments=segments), Words(segments.kind)


class Words:
    """`Texts` written when they are asked for: the same segment gives the same words."""

    def __init__(self, kind: NDArray[np.int8]) -> None:
        self._kind = kind
        self._written: dict[int, str] = {}

    def get(self, segments: Sequence[int] | NDArray[np.int32]) -> list[str | None]:
        return [self._kept(int(s)) for s in segments]

    def _kept(self, segment: int) -> str:
        if segment not in self._written:
            self._written[segment] = self._text(segment)
        return self._written[segment]

    def _text(self, segment: int) -> str:
        if self._kind[segment] != SegmentKind.USER:
            return f"segment {segment}"
        # Three wordings of a question share all but one or two of their words.
        words = np.random.default_rng(segment // 3).choice(WORDS, _WORDS_OF).tolist()
        for place in range(segment % 3):
            words[3 * place] = WORDS[segment % len(WORDS)]
        return " ".join(words)
