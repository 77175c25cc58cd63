"""What a router may look at before a call: sizes, kinds of segments, tools, words of the last message."""

from __future__ import annotations

import re
import zlib
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from costopt.accel.features import features
from costopt.layers.routers.base import last_user
from costopt.model.call import SegmentKind
from costopt.model.leaf import INPUT
from costopt.model.ports import Texts
from costopt.model.view import View

Int = NDArray[np.int64]
Float = NDArray[np.float64]
BUCKETS = 128
"""Hashed words. From 32 to 512 the advantage at half of the saving stays within 2.0 to 2.2 points on GSM8K,
2.5 to 2.6 on MMLU, far inside its interval; time grows with their square."""
MOST_CHARS = 20_000
"""Of a message: the words of its beginning tell what it is about."""
_WORD = re.compile(r"[^\W\d_]{2,}|\d+")
_KINDS = (
    SegmentKind.SYSTEM, SegmentKind.TOOLS, SegmentKind.USER, SegmentKind.ASSISTANT,
    SegmentKind.TOOL_CALL, SegmentKind.TOOL_RESULT, SegmentKind.IMAGE, SegmentKind.FILE,
)  # fmt: skip
_PARTS = ("agent", "task", "tags")
_WORD_SPREAD, _NUMBER_SPREAD, _FREE = 3.0, 1.0, 10.0


class Extractor:
    """Features of a view's calls. Texts are read once for each distinct message, when first asked for."""

    def __init__(self, view: View, texts: Texts) -> None:
        self._view, self._texts = view, texts
        self._last = last_user(view)
        self._known: dict[int, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}
        self._labels: dict[tuple[int, int], NDArray[np.float32]] = {}

    @property
    def spread(self) -> Float:  # [feature]
        """How far coefficients may lie from 0 before the data speak; the last is the constant."""
        return np.concatenate((
            np.full(self._numbers.shape[1] + _CLASSES, _NUMBER_SPREAD),
            np.full(BUCKETS, _WORD_SPREAD), [_FREE],
        ))  # fmt: skip

    def scale(self, rows: Int) -> tuple[Float, Float]:
        """(centre, width) of the numbers on these rows; words are of length 1 as they are."""
        x = self._raw_numbers(rows)
        width = x.std(axis=0)
        return x.mean(axis=0), np.where(width > 0, width, 1.0)

    def scaled(self, rows: Int, scale: tuple[Float, Float]) -> Float:  # [row, feature]
        """Numbers centred, words, and 1."""
        numbers = np.clip((self._raw_numbers(rows) - scale[0]) / scale[1], -5.0, 5.0)
        return np.concatenate((numbers, self._words(rows), np.ones((len(rows), 1))), axis=1)

    @cached_property
    def _numbers(self) -> Float:  # [call, number]
        """Logs of what can be counted without reading."""
        view = self._view
        block, n = view.request, view.trace.n
        kinds, call = view.segments.kind[block.ids], block.call_of_use()
        counts = [np.bincount(call[kinds == kind], minlength=n) for kind in _KINDS]
        size = np.where(self._last >= 0, view.segments.n_bytes[self._last], 0)
        most = np.maximum(view.max_tokens.astype(np.int64), 0)
        columns = (*counts, view.leaves[:, INPUT].sum(axis=1), size, most, view.trace.step)
        return np.log1p(np.stack(columns, axis=1).astype(np.float64))

    def _raw_numbers(self, rows: Int) -> Float:
        self._read(rows)
        none = np.zeros(_CLASSES, np.float32)
        shown = [self._known[s][0] if s >= 0 else none for s in self._last[rows].tolist()]
        return np.concatenate(
            (self._numbers[rows], np.array(shown, np.float64).reshape(-1, _CLASSES)), axis=1
        )

    def _words(self, rows: Int) -> Float:
        self._read(rows)
        out = np.zeros((len(rows), BUCKETS), np.float32)
        for i, (row, segment) in enumerate(
            zip(rows.tolist(), self._last[rows].tolist(), strict=True)
        ):
            if segment >= 0:
                out[i] = self._known[segment][1]
            out[i] += self._named(row)
        return _unit(out).astype(np.float64)

    def _named(self, row: int) -> NDArray[np.float32]:
        """Who asks and for what, as words of their own."""
        dims = self._view.trace.dims
        out = np.zeros(BUCKETS, np.float32)
        for part in _PARTS:
            code = int(dims[part].codes[row])
            if code:
                key = (_PARTS.index(part), code)
                if key not in self._labels:
                    self._labels[key] = _hashed([f"{part}={dims[part].values[code]}"])
                out += self._labels[key]
        return out

    def _read(self, rows: Int) -> None:
        new = [s for s in np.unique(self._last[rows]).tolist() if s >= 0 and s not in self._known]
        if not new:
            return
        found = [(t or "")[:MOST_CHARS] for t in self._texts.get(new)]
        classes = np.log1p(features(found)).astype(np.float32)
        for segment, text, row in zip(new, found, classes, strict=True):
            self._known[segment] = row, _unit(_hashed(_WORD.findall(text.lower()))[None])[0]


_CLASSES = 7
"""Columns of `accel.features.features`."""


def _hashed(words: list[str]) -> NDArray[np.float32]:
    """Counts by bucket, dampened; half of the words count negatively, so that collisions cancel."""
    out = np.zeros(BUCKETS, np.float32)
    for word in words:
        h = zlib.crc32(word.encode("utf-8", "surrogatepass"))
        out[h % BUCKETS] += 1.0 if h & 0x80000000 else -1.0
    return np.asarray(np.sign(out) * np.log1p(np.abs(out)))


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each row of length 1, or 0."""
    length = np.sqrt((rows**2).sum(axis=1, keepdims=True))
    return np.asarray(rows / np.where(length > 0, length, 1.0))
