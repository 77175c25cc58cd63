"""The embedder itself, loaded or fitted once: views that layers edit share it."""

from __future__ import annotations

import numpy as np

from costopt.accel.artifacts.content import digest_of
from costopt.accel.embed import Embedder, embedder_of
from costopt.layers.base import ArtifactSpec
from costopt.model.call import SegmentKind
from costopt.model.ports import Texts, TokenCounter
from costopt.model.view import View

_CORPUS = 20_000
"""User messages that the built-in embedder learns rarity from: more change no weight by a hundredth."""


def content(spec: ArtifactSpec, view: View) -> bytes:
    """The built-in one depends on the trace that it learns from, never on what layers made of it."""
    if spec.get("embedder") in ("auto", "builtin"):
        return digest_of(view.trace.segments.digest, view.trace.segments.kind)
    return b""


def build(
    spec: ArtifactSpec, view: View, tokens: TokenCounter, texts: Texts, offline: bool = False
) -> Embedder:
    """`spec`: `embedder`, as the policy says it."""
    del tokens
    setting = str(spec.get("embedder"))
    return embedder_of(setting, lambda: corpus(view, texts), offline=offline)


def corpus(view: View, texts: Texts) -> list[str]:
    """User messages of the trace itself, whatever layers stand in front: of many, those of low hash."""
    table = view.trace.segments
    rows = np.flatnonzero((table.kind == SegmentKind.USER) & table.has_text)
    if len(rows) > _CORPUS:
        rows = rows[np.argsort(table.digest[rows, 0], kind="stable")[:_CORPUS]]
    return [t for t in texts.get(rows.astype(np.int32)) if t is not None]
