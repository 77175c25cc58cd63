"""The share of some segments' characters that is prose; what a compressor may shorten."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from costopt.accel.artifacts.content import digest_of
from costopt.accel.artifacts.kept import Kept
from costopt.layers.base import ArtifactSpec
from costopt.layers.parts.compressible import VERSION, prose
from costopt.model.ports import Texts, TokenCounter
from costopt.model.view import View

_AT_ONCE = 2_000
"""Texts held at a time."""


def content(spec: ArtifactSpec, view: View) -> bytes:
    """The contents of the segments asked for."""
    return digest_of(view.segments.digest[segments_of(spec)])


def build(
    spec: ArtifactSpec, view: View, tokens: TokenCounter, texts: Texts, kept: Kept
) -> NDArray[np.float64]:  # [segment]
    """`spec`: `segments` (the bytes of their numbers, int32), `keep_numbers`."""
    import pyarrow as pa

    del tokens
    ids, keep = segments_of(spec), bool(spec.get("keep_numbers"))
    if not len(ids):
        return np.zeros(0)

    def made(places: list[int]) -> pa.Array:
        out: list[float] = []
        for first in range(0, len(places), _AT_ONCE):
            part = ids[np.array(places[first : first + _AT_ONCE])]
            out += [_share(text or "", keep) for text in texts.get(part)]
        return pa.array(out, pa.float64())

    keys = [row.tobytes() for row in view.segments.digest[ids]]
    return np.asarray(kept.through(f"compressible/{VERSION}/{keep}", keys, made))


def segments_of(spec: ArtifactSpec) -> NDArray[np.int32]:
    """The segments that a spec names by their bytes."""
    return np.frombuffer(spec.get("segments"), np.int32)


def _share(text: str, keep_numbers: bool) -> float:
    found = sum(end - begin for begin, end in prose(text, keep_numbers=keep_numbers))
    return found / max(1, len(text))
