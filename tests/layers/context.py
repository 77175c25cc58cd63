"""A small evaluator: calls as written, the fake book's round prices, one token a byte, texts at hand."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.billing.prompt_cache.model import CacheModel
from costopt.engine.evaluate import Evaluator
from costopt.layers.base import ArtifactSpec
from costopt.model.call import Call
from costopt.model.identity import segment_digest
from costopt.model.ports import Texts, TokenCounter
from costopt.model.trace import Trace
from costopt.model.view import View
from tests.billing.small import LetterTokens, timed
from tests.fakes import FakeBook

Build = Callable[[ArtifactSpec, View, TokenCounter, Texts], Any]


@dataclass(frozen=True)
class Kept:
    """Texts by segment number; None where the log kept none."""

    texts: tuple[str | None, ...]

    def get(self, segments: Sequence[int] | NDArray[np.int32]) -> list[str | None]:
        return [self.texts[int(s)] for s in segments]


@dataclass(frozen=True)
class Builders:
    """Artifacts by plain functions, one a kind; each content is built once."""

    by_kind: Mapping[str, Build] = field(default_factory=dict)
    built: dict[Any, Any] = field(default_factory=dict)

    def build(self, spec: ArtifactSpec, view: View, tokens: TokenCounter, texts: Texts) -> Any:
        if spec.kind not in self.by_kind:
            return _real(spec, view, tokens, texts)
        key = spec, view.request.ids.tobytes(), view.request.offsets.tobytes()
        if key not in self.built:
            self.built[key] = self.by_kind[spec.kind](spec, view, tokens, texts)
        return self.built[key]


def _real(spec: ArtifactSpec, view: View, tokens: TokenCounter, texts: Texts) -> Any:
    """What the product itself builds."""
    artifacts = importlib.import_module("costopt.accel.artifacts")
    return artifacts.Artifacts(None).build(spec, view, tokens, texts)


def texts_of(trace: Trace, calls: Sequence[Call]) -> Kept:
    """The texts that these calls hold, by the trace's segment numbers."""
    by_digest = {
        segment_digest(s): None if s.digest else s.text
        for c in calls
        for s in (*(c.request or ()), *(c.response or ()))
    }
    rows = [int(a).to_bytes(8, "big") + int(b).to_bytes(8, "big") for a, b in trace.segments.digest]
    return Kept(tuple(by_digest.get(row) for row in rows))


def letters(trace: Trace, texts: Kept) -> TokenCounter:
    """One token a byte; the log's own count where a segment has no text."""
    return _Letters(trace.segments, tuple(t or "" for t in texts.texts))


@dataclass(frozen=True)
class _Letters(LetterTokens):
    def count(self, segments: NDArray[np.int32], model: str) -> NDArray[np.int64]:
        known = self.segments.tokens[segments]
        return np.where(known >= 0, known, self.segments.n_bytes[segments])


def evaluator_of(
    calls: Sequence[Call] | Trace, *, texts: Kept | None = None, prices: Any = None,
    fields: Mapping[str, str] | None = None, builder: Any = None,
    evidence: Mapping[str, Mapping[str, Any]] | None = None, gap_s: float = 10.0,
) -> Evaluator:  # fmt: skip
    """What any list of layers costs on these calls. A trace given as such needs `texts` to have any."""
    if isinstance(calls, Trace):
        trace = calls
        kept = texts or Kept((None,) * len(trace.segments))
    else:
        trace = timed(list(calls), gap_s)
        kept = texts or texts_of(trace, calls)
    book = prices or FakeBook()
    model = CacheModel.of(trace, book, letters(trace, kept), kept)
    return Evaluator(
        trace, book, model, builder=builder or Builders(), fields=fields or {},
        evidence=evidence or {},
    )  # fmt: skip
