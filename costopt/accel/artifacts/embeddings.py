"""Vectors of the distinct key texts of a semantic cache, each text embedded once and kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.accel.artifacts import Artifacts, embedder
from costopt.accel.artifacts.kept import Kept
from costopt.accel.embed import Embedder, Vectors
from costopt.accel.embed.given import Given
from costopt.layers.base import ArtifactSpec
from costopt.layers.parts.keys import Keys
from costopt.model.ports import Texts, TokenCounter
from costopt.model.view import View

BETWEEN = "\n\n"
"""Stands between the blocks of a key."""
_AT_ONCE = 4_096
"""Texts handed to an embedder in one go."""


@dataclass(frozen=True, eq=False)
class Embedded:
    """A vector for every key. Keys of different scopes may share a text and so a vector."""

    vectors: Vectors  # [text]
    text_of: NDArray[np.int64]  # [key]: its row in `vectors`
    embedder: str


def content(spec: ArtifactSpec, view: View) -> bytes:
    """The keys are in the spec; the rest is the embedder's."""
    return embedder.content(spec, view)


def build(
    spec: ArtifactSpec, view: View, tokens: TokenCounter, texts: Texts, kept: Kept,
    artifacts: Artifacts,
) -> Embedded:  # fmt: skip
    """`spec`: `keys`, `embedder`."""
    keys: Keys = spec.get("keys")
    firsts, text_of = _distinct(keys)
    setting = (("embedder", spec.get("embedder")),)
    made_by: Embedder = artifacts.build(ArtifactSpec("embedder", setting), view, tokens, texts)
    if isinstance(made_by, Given):
        made_by = made_by.asked_by(_call_ids(view, keys, text_of, len(firsts)))
    return Embedded(_vectors(made_by, keys, firsts, texts, kept), text_of, made_by.name)


def _distinct(keys: Keys) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(first key of each distinct text, text of each key)."""
    if not keys.n:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    _, first, inverse = np.unique(keys.text, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return first[order].astype(np.int64), rank[inverse.reshape(-1)]


def _vectors(
    made_by: Embedder, keys: Keys, firsts: NDArray[np.int64], texts: Texts, kept: Kept
) -> Vectors:
    def said(places: Sequence[int]) -> list[str]:
        return key_texts(keys, firsts[np.asarray(places, np.int64)], texts)

    return kept_vectors(made_by, [row.tobytes() for row in keys.text[firsts]], said, kept)


def kept_vectors(
    made_by: Embedder, digests: Sequence[bytes], said: Callable[[Sequence[int]], list[str]],
    kept: Kept,
) -> Vectors:  # fmt: skip
    """A vector for each digest; `said` gives the texts of places in `digests` that have none yet."""
    import pyarrow as pa

    n = len(digests)
    if not n or not made_by.keeps:
        return made_by.embed(said(range(n)))

    def column(places: list[int]) -> pa.Array:
        parts = (places[i : i + _AT_ONCE] for i in range(0, n, _AT_ONCE))
        rows = np.concatenate([made_by.embed(said(part)) for part in parts if part])
        return pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), rows.shape[1])

    held = kept.through(f"embeddings/{made_by.version}", digests, column)
    flat = held.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.asarray(flat, np.float32).reshape(n, -1)


def key_texts(keys: Keys, chosen: NDArray[np.int64], texts: Texts) -> list[str]:
    """The texts of these keys, their blocks with a blank line between."""
    spans = [keys.ids[keys.offsets[k] : keys.offsets[k + 1]] for k in chosen.tolist()]
    flat = np.concatenate(spans) if spans else np.zeros(0, np.int32)
    found = iter(texts.get(flat))
    return [BETWEEN.join(next(found) or "" for _ in span) for span in spans]


def _call_ids(
    view: View, keys: Keys, text_of: NDArray[np.int64], n_texts: int
) -> list[list[str]]:  # [text]
    out: list[list[str]] = [[] for _ in range(n_texts)]
    of_row = text_of[keys.node].tolist() if len(keys.node) else []
    for row, text in zip(keys.rows.tolist(), of_row, strict=True):
        out[text].append(view.trace.id[row])
    return out
