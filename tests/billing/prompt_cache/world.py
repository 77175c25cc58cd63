"""A provider whose cache rules a test chooses, and sessions written in a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.fit import CacheFit
from costopt.billing.prompt_cache.model import CacheModel
from costopt.billing.prompt_cache.prefix import PrefixResult
from costopt.model.build import trace_of
from costopt.model.call import Breakpoint, Call, Usage
from costopt.model.leaf import Leaf
from costopt.model.trace import Trace
from costopt.prices.contract import CacheRules
from tests.billing.small import LetterTokens, seg
from tests.fakes import FakeBook

LAUNCH_US = 1_700_000_000_000_000
T0 = LAUNCH_US + 10**12


@dataclass(frozen=True)
class Rules(FakeBook):
    """Caches from `LAUNCH_US` on, except for models named `never...`."""

    min_tokens: int = 20
    step_tokens: int = 1
    mode: str = "automatic"
    lifetime_s: int = 300
    batch_stacks: bool = False
    write_multiplier_ppm: int = 1_000_000

    def cache_rules(self, provider: str, model: str, at_us: int | None) -> CacheRules:
        launched = at_us is None or at_us >= LAUNCH_US
        mode = self.mode if launched and not model.startswith("never") else "none"
        return CacheRules(
            provider, model, mode, LAUNCH_US, self.min_tokens, self.step_tokens, self.lifetime_s,
            True, 100_000, self.write_multiplier_ppm, self.batch_stacks, "test",
        )  # fmt: skip


class Words:
    """Texts of a trace, by segment number."""

    def __init__(self, calls: Sequence[Call], trace: Trace) -> None:
        self.texts = tuple(_ordered(calls, trace))

    def get(self, segments: Sequence[int] | NDArray[np.int32]) -> list[str | None]:
        return [self.texts[int(i)] for i in segments]


def _ordered(calls: Sequence[Call], trace: Trace) -> list[str]:
    from costopt.model.identity import segment_digest

    found = {}
    for c in calls:
        for s in (*(c.request or ()), *(c.response or ())):
            found[int.from_bytes(segment_digest(s)[:8], "big")] = s.text
    return [found[int(a)] for a, _ in trace.segments.digest]


def sent(
    at_s: float, request: Sequence[str] | None, *, read: int = 0, written: int = 0,
    marks: Sequence[int] = (), **more: Any,
) -> Call:  # fmt: skip
    """One call; its input is one token a letter, so nothing is hidden. `marks`: uses with a mark."""
    segments = None if request is None else [seg(r) for r in request]
    for index in marks:
        assert segments is not None
        segments[index] = replace(segments[index], breakpoint=Breakpoint.TTL_5M)
    size = more.pop("size", sum(len(s.text) for s in segments or ()))
    used = Usage()
    used.leaves[Leaf.CACHE_READ], used.leaves[Leaf.CACHE_WRITE_5M] = read, written
    used.leaves[Leaf.INPUT_FRESH], used.leaves[Leaf.OUTPUT_TEXT] = size - read - written, 5
    columns = {"session_id": "s", "provider": "openai", "model": "m", "agent": "a"} | more
    key = columns.pop("key", f"{columns['session_id']}@{at_s}")
    return Call(
        key=key, id=key, usage=used, at_us=T0 + int(at_s * 1e6), request=segments, **columns
    )


def modelled(
    calls: Sequence[Call], rules: Rules | None = None, fit: CacheFit | None = None
) -> CacheModel:
    trace = trace_of(calls)
    words = Words(calls, trace)
    tokens = LetterTokens(trace.segments, words.texts)
    return CacheModel.of(trace, rules or Rules(), tokens, words, fit)


def prefixes(calls: Sequence[Call], rules: Rules | None = None) -> PrefixResult:
    """What each call shares with earlier ones; rows in time order."""
    return modelled(calls, rules).recorded.prefix
