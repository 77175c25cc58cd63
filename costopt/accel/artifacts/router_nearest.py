"""A router by likeness: the calls whose last user messages are nearest, and how the cheap model did on them.

Neighbours come from the other half of the log (by time; equal requests stay together), so no call is
judged by its own label. Search is exact.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.accel.artifacts import Artifacts
from costopt.accel.artifacts.content import digest_of
from costopt.accel.artifacts.embeddings import Embedded
from costopt.accel.artifacts.router import content as recorded
from costopt.accel.artifacts.router import labelled_by, logged_as, too_few
from costopt.accel.embed import Vectors
from costopt.layers.base import ArtifactSpec
from costopt.layers.parts.keys import Keys
from costopt.layers.parts.router_scores import RouterScores, as_good, enough
from costopt.layers.parts.routing_evidence import UNKNOWN
from costopt.layers.routers.base import last_user
from costopt.model.ports import Texts, TokenCounter
from costopt.model.view import View

Int = NDArray[np.int64]
_BLOCK = 4_096
"""Calls compared at once."""


def content(spec: ArtifactSpec, view: View) -> bytes:
    """As the trained router: the log as it was recorded, and its labels."""
    return recorded(spec, view)


def build(
    spec: ArtifactSpec, view: View, tokens: TokenCounter, texts: Texts, artifacts: Artifacts
) -> RouterScores:
    """Settings: `right`, `target`, `embedder`, `neighbours`."""
    trace = view.trace
    labelled = labelled_by(trace, spec)
    y = as_good(labelled, logged_as(trace, spec.get("target", ())))
    said = last_user(View.of(trace))
    shown = (said >= 0) & trace.segments.has_text[np.maximum(said, 0)]
    y = np.where(shown, y, UNKNOWN).astype(np.int8)
    halves = (~labelled.later, labelled.later)
    trained = (int((y[halves[0]] != UNKNOWN).sum()), int((y[halves[1]] != UNKNOWN).sum()))
    good = np.full(trace.n, np.nan)
    if not all(enough(y, half) for half in halves):
        return RouterScores(good, trained, too_few(trained))
    rows = np.flatnonzero(shown)
    keys = _keys(view, rows, said[rows])
    asked = ArtifactSpec("embeddings", (("keys", keys), ("embedder", spec.get("embedder"))))
    embedded: Embedded = artifacts.build(asked, view, tokens, texts)
    vector = np.full(trace.n, -1, np.int64)
    vector[rows] = embedded.text_of[keys.node]
    for half, other in (halves, halves[::-1]):
        known = np.flatnonzero(half & (y != UNKNOWN))
        open_rows = np.flatnonzero(other & shown)
        good[open_rows] = _share(
            embedded.vectors,
            vector[open_rows],
            vector[known],
            y[known],
            int(spec.get("neighbours")),
        )
    return RouterScores(good, trained, _told(trained, embedded.embedder))


def _keys(view: View, rows: Int, said: NDArray[np.int32]) -> Keys:
    """One key for each distinct last message."""
    segments, first, node = np.unique(said, return_index=True, return_inverse=True)
    text = view.trace.segments.digest[segments]
    n = len(segments)
    return Keys(
        rows, node.reshape(-1).astype(np.int32), np.zeros(n, np.int32), text,
        np.arange(n + 1, dtype=np.int64), segments.astype(np.int32), rows[first], digest_of(text),
    )  # fmt: skip


def _share(
    vectors: Vectors, asked: Int, known: Int, y: NDArray[np.int8], neighbours: int
) -> NDArray[np.float64]:  # [asked]
    """Of the nearest known calls: the share that was good, with one good and one bad beside them."""
    k = max(1, min(neighbours, len(known)))
    against = np.ascontiguousarray(vectors[known])
    out = np.empty(len(asked))
    for start in range(0, len(asked), _BLOCK):
        part = asked[start : start + _BLOCK]
        likeness = vectors[part] @ against.T
        # Ties by the place in the log: a stable sort of all, where only the k nearest would not do.
        nearest = np.argsort(-likeness, axis=1, kind="stable")[:, :k]
        out[start : start + _BLOCK] = ((y[nearest] == 1).sum(axis=1) + 1.0) / (k + 2.0)
    return out


def _told(trained: tuple[int, int], embedder: str) -> str:
    return (
        f"nearest of {trained[0]:,} judged answers of the earlier half and {trained[1]:,} of the later,"
        f" by {embedder}"
    )
