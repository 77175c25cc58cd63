"""A vector for each of some segments: what a memory stores and asks for. Each text is embedded once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from costopt.accel.artifacts import Artifacts, embedder
from costopt.accel.artifacts.content import digest_of
from costopt.accel.artifacts.kept import Kept
from costopt.accel.embed import Embedder, Vectors
from costopt.accel.embed.given import Given
from costopt.errors import UsageError
from costopt.layers.base import ArtifactSpec
from costopt.model.ports import Texts, TokenCounter
from costopt.model.view import View

_AT_ONCE = 4_096
"""Texts handed to an embedder in one go."""


def content(spec: ArtifactSpec, view: View) -> bytes:
    """The contents of the segments asked for, and what the embedder itself depends on."""
    return embedder.content(spec, view) + digest_of(view.segments.digest[_segments(spec)])


def build(
    spec: ArtifactSpec, view: View, tokens: TokenCounter, texts: Texts, kept: Kept,
    artifacts: Artifacts,
) -> Vectors:  # fmt: skip
    """`spec`: `embedder`, and `segments`: the bytes of their numbers (int32). One row each."""
    ids = _segments(spec)
    setting = (("embedder", spec.get("embedder")),)
    made_by: Embedder = artifacts.build(ArtifactSpec("embedder", setting), view, tokens, texts)
    if isinstance(made_by, Given):
        raise UsageError(
            "Given vectors belong to calls; a memory needs one for each message.",
            where="embedder", hint="Take builtin, sentence-transformers:NAME or an endpoint.",
        )  # fmt: skip

    def made(places: Sequence[int]) -> Vectors:
        found = texts.get(ids[np.asarray(places, np.int64)])
        return made_by.embed([text or "" for text in found])

    if not len(ids):
        return np.zeros((0, 1), np.float32)
    if not made_by.keeps:
        return made(range(len(ids)))
    return _through(kept, made_by.version, view.segments.digest[ids], made)


def _segments(spec: ArtifactSpec) -> NDArray[np.int32]:
    return np.frombuffer(spec.get("segments"), np.int32)


def _through(kept: Kept, version: str, digest: NDArray[np.uint64], made: object) -> Vectors:
    import pyarrow as pa

    assert callable(made)

    def column(places: list[int]) -> pa.Array:
        parts = [made(places[i : i + _AT_ONCE]) for i in range(0, len(places), _AT_ONCE)]
        rows = np.concatenate(parts)
        return pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), rows.shape[1])

    keys = [row.tobytes() for row in digest]
    held = kept.through(f"segments/{version}", keys, column)
    flat = held.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.asarray(flat, np.float32).reshape(len(keys), -1)
