"""Texts with their prose compressed, each distinct one once, with the time that it took."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from costopt.accel.artifacts import Artifacts
from costopt.accel.artifacts.compressible import segments_of
from costopt.accel.artifacts.content import digest_of
from costopt.accel.artifacts.kept import Kept
from costopt.accel.calibrate import PRIOR
from costopt.accel.compress import Compressor, shortened
from costopt.accel.features import features
from costopt.accel.ranks import without_surrogates
from costopt.accel.tokens import exact_encoder
from costopt.layers.base import ArtifactSpec
from costopt.layers.parts.compressed import Compressed
from costopt.layers.parts.compressible import VERSION
from costopt.model.ports import Texts, TokenCounter
from costopt.model.view import View

Float = NDArray[np.float64]
_COMPRESSOR = ("method", "model", "device")
_AT_ONCE = 32
"""Texts written down at a time: who stops a long run does not lose it."""


def content(spec: ArtifactSpec, view: View) -> bytes:
    """The contents of the segments asked for."""
    return digest_of(view.segments.digest[segments_of(spec)])


def build(
    spec: ArtifactSpec, view: View, tokens: TokenCounter, texts: Texts, kept: Kept,
    artifacts: Artifacts,
) -> Compressed:  # fmt: skip
    """`spec`: `segments`, `method`, `model`, `device`, `rate`, `keep_numbers`."""
    import pyarrow as pa

    ids, rate = segments_of(spec), float(spec.get("rate"))
    keep = bool(spec.get("keep_numbers"))
    setting = tuple((name, spec.get(name)) for name in _COMPRESSOR)
    compressor: Compressor = artifacts.build(
        ArtifactSpec("compressor", setting), view, tokens, texts
    )

    name = f"compressed/{compressor.version}/{spec.get('device')}/{VERSION}/{rate:g}/{keep}"
    keys = [row.tobytes() for row in view.segments.digest[ids]]

    def some(first: int) -> Any:  # a pyarrow.ChunkedArray of structs
        def made(places: list[int]) -> Any:
            return _column(compressor, (_text(texts, ids[first + i]) for i in places), rate, keep)

        return kept.through(name, keys[first : first + _AT_ONCE], made)

    parts = [some(first).combine_chunks() for first in range(0, len(keys), _AT_ONCE)]
    held = pa.concat_arrays(parts)
    after = tuple(held.field("text").to_pylist())
    return Compressed(
        compressor.method, compressor.name, after, np.asarray(held.field("seconds")),
        np.asarray(held.field("refused")), _Ratios(ids, texts, after),
    )  # fmt: skip


def _text(texts: Texts, segment: int) -> str:
    """As UTF-8 can hold it: what is kept on disk is what is compressed."""
    return without_surrogates(texts.get([int(segment)])[0] or "")


def _column(compressor: Compressor, texts: Any, rate: float, keep_numbers: bool) -> Any:
    import pyarrow as pa

    rows = []
    for text in texts:
        started = perf_counter()
        found = shortened(compressor, text, rate, keep_numbers=keep_numbers)
        rows.append((found.text, perf_counter() - started, found.refused))
    text, seconds, refused = zip(*rows, strict=True)
    return pa.StructArray.from_arrays(
        [pa.array(text, pa.string()), pa.array(seconds, pa.float64()), pa.array(refused, pa.int64())],
        ["text", "seconds", "refused"],
    )  # fmt: skip


class _Ratios:
    """Tokens after over tokens before, by model; a compressor's own counts are not used."""

    def __init__(self, ids: NDArray[np.int32], texts: Texts, after: Sequence[str]) -> None:
        self._ids, self._texts, self._after = ids, texts, after

    def __call__(self, model: str) -> Float:  # [segment]
        before = [_text(self._texts, segment) for segment in self._ids.tolist()]
        return sizes(self._after, model) / np.maximum(sizes(before, model), 1.0)


def sizes(texts: Sequence[str], model: str) -> Float:  # [text]
    """Tokens by the model's own encoding, else by the estimator before any trace has spoken."""
    encoder = exact_encoder(model)
    if encoder is not None:
        return np.array([encoder(text) for text in texts], np.float64)
    return np.asarray(features(texts)[:, :-1] @ PRIOR[:-1])
