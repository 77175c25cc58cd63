"""Token counts of a trace's segments: exact where a model's ranks are at hand, else calibrated.

Counting is lazy: a segment is counted when a number needs it, once for each encoding. Threads were
tried: they make it slower, the tokenizer holds the interpreter's lock for most of its time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from costopt.accel.calibrate import PRIOR, Calibration, added, fitted, growth, needed
from costopt.accel.encodings import encoding_of
from costopt.accel.features import FEATURES, features
from costopt.accel.ranks import Encoder, find_encoder
from costopt.model.beginning import shared_length
from costopt.model.call import SegmentKind
from costopt.model.ports import Texts
from costopt.model.trace import Trace

BYTES_PER_TOKEN = 4.0
"""Where a log keeps sizes but no text: the usual of English and code."""
NOMINAL_IMAGE_TOKENS = 1_000
"""A picture of about 1024 x 1024: OpenAI 765 (85 + 4 x 170), Gemini 1,032 (4 tiles of 258),
Anthropic 1,398 (pixels / 750). https://developers.openai.com/api/docs/guides/images-vision,
https://ai.google.dev/gemini-api/docs/tokens, https://platform.claude.com/docs, 2026-11-24."""
_CHUNK_BYTES = 32_000_000
_UNCOUNTED = -1
_BOUNDARY = re.compile(r"[A-Za-z] [A-Za-z]")
"""A place where every encoding in use starts a new piece, whatever stands around it."""


def exact_encoder(model: str, ranks: Path | None = None) -> Callable[[str], int] | None:
    """A function that counts a text exactly as the model does; None: no ranks are at hand."""
    name = encoding_of(model)
    encoder = find_encoder(name, ranks, False) if name else None
    return None if encoder is None else encoder.count


def token_counter(
    trace: Trace, texts: Texts, *, ranks: Path | None = None, allow_download: bool = False
) -> Counter:
    """The trace's counter; nothing is loaded or counted before the first question."""
    return Counter(trace, texts, ranks, allow_download)


class Counter:
    """A `TokenCounter` over one trace's segments."""

    def __init__(
        self, trace: Trace, texts: Texts, ranks: Path | None, allow_download: bool
    ) -> None:
        self._trace = trace
        self._texts = texts
        self._asked = ranks, allow_download
        self._find = cache(lambda name: find_encoder(name, ranks, allow_download))
        self._counts: dict[str, NDArray[np.int32]] = {}
        self._calibrations: dict[str, Calibration] = {}
        self._features = np.zeros((0, len(FEATURES)))
        self._seen = np.zeros(0, np.bool_)

    def count(self, segments: NDArray[np.int32], model: str) -> NDArray[np.int64]:
        """Tokens of each segment; the log's own count where it has one."""
        segments = np.asarray(segments, np.int32)
        known = self._trace.segments.tokens[segments]
        if len(segments) == 0 or (known >= 0).all():
            return known.astype(np.int64)
        encoder = self._encoder(model)
        table = self._table(encoding_of(model) or "" if encoder else f"like {model}")
        new = np.unique(segments[(table[segments] == _UNCOUNTED) & (known < 0)])
        if len(new):
            if encoder is not None:
                self._count_exactly(new, table, encoder)
            else:
                table[new] = self._estimate(new, model)
        return np.where(known >= 0, known, table[segments]).astype(np.int64)

    def portable(self) -> PortableCounter:
        """What another process needs to count the same: it reads the same texts from elsewhere."""
        for model in self._trace.dims["model"].values:
            if model and self._encoder(model) is None:
                self._calibration(model)  # of the whole trace, which a worker does not have
        return PortableCounter(*self._asked, self._counts, self._calibrations)

    def label(self, model: str) -> str:
        """How this model's segments are counted, and what that rests on."""
        encoder = self._encoder(model)
        if not self._trace.segments.has_text.any():
            return "estimated (the log keeps no text)"
        if encoder is not None:
            return f"exact ({encoding_of(model)})"
        found = self._calibration(model)
        why = "no ranks here" if encoding_of(model) else "no public tokenizer"
        if found.rows == 0:
            return f"estimated ({why}, too little reported usage to calibrate on)"
        return (
            f"estimated ({why}; calibrated on {found.rows:,} reported counts, "
            f"typical error {found.typical_error:.1%})"
        )

    def common_prefix(self, first: int, second: int, model: str) -> int:
        """Tokens that two segments share from the first on; 0 where a text is not kept."""
        if first == second:
            return int(self.count(np.array([first], np.int32), model)[0])
        names = self._trace.segments.name.codes
        if names[first] != names[second]:
            return 0
        a, b = self._texts.get([first, second])
        if a is None or b is None:
            return 0
        same = shared_length(a, b)
        encoder = self._encoder(model)
        if encoder is not None:
            return shared_tokens(encoder, a, b, same)
        weights = self._calibration(model).weights
        return int(features([a[:same]])[0, :-1] @ weights[:-1])

    def _encoder(self, model: str) -> Encoder | None:
        name = encoding_of(model)
        return self._find(name) if name else None

    def _table(self, key: str) -> NDArray[np.int32]:
        if key not in self._counts:
            self._counts[key] = np.full(len(self._trace.segments), _UNCOUNTED, np.int32)
        return self._counts[key]

    def _count_exactly(
        self, new: NDArray[np.int32], table: NDArray[np.int32], encoder: Encoder
    ) -> None:
        for part in self._chunks(new):
            texts = self._texts.get(part)
            blind = self._blind(part, BYTES_PER_TOKEN)
            names = self._names(part)
            of_name = {name: encoder.count(name) for name in set(names)}
            table[part] = [
                blind[i] if text is None else encoder.count(text) + of_name[names[i]]
                for i, text in enumerate(texts)
            ]

    def _names(self, segments: NDArray[np.int32]) -> list[str]:
        """Tool names that are sent beside the text: those of calls (a schema holds its own)."""
        table = self._trace.segments
        is_call = (table.kind[segments] == SegmentKind.TOOL_CALL).tolist()
        codes = table.name.codes[segments].tolist()
        return [
            table.name.values[c] if sent else "" for c, sent in zip(codes, is_call, strict=True)
        ]

    def _blind(self, segments: NDArray[np.int32], bytes_per_token: float) -> NDArray[np.int64]:
        """Counts without text: by size, and by what a picture usually costs."""
        table = self._trace.segments
        by_size = np.ceil(table.n_bytes[segments] / bytes_per_token)
        image = (table.kind[segments] == SegmentKind.IMAGE) & (by_size == 0)
        return np.where(image, NOMINAL_IMAGE_TOKENS, by_size).astype(np.int64)

    def _estimate(self, segments: NDArray[np.int32], model: str) -> NDArray[np.int64]:
        weights = self._calibration(model).weights
        self._see(segments)
        # What a message costs beside its text is not part of the segment.
        tokens = np.rint(self._features[segments, :-1] @ weights[:-1]).astype(np.int64)
        has_text = self._features[segments, -1] > 0
        # Without text: the mean size of a token of this model, over what was seen of it.
        return np.where(has_text, tokens, self._blind(segments, self._bytes_per_token(weights)))

    def _bytes_per_token(self, weights: NDArray[np.float64]) -> float:
        return BYTES_PER_TOKEN * float(PRIOR[0] / max(weights[0], 0.1))

    def _see(self, segments: NDArray[np.int32]) -> None:
        """Look at the character classes of segments that were not looked at yet."""
        if len(self._seen) == 0:
            n = len(self._trace.segments)
            self._features, self._seen = np.zeros((n, len(FEATURES))), np.zeros(n, np.bool_)
        new = np.unique(segments[~self._seen[segments]])
        for part in self._chunks(new):
            texts, names = self._texts.get(part), self._names(part)
            there = np.array([text is not None for text in texts], np.bool_)
            shown = [
                f"{n} {t}" if n else t for t, n in zip(texts, names, strict=True) if t is not None
            ]
            if shown:
                self._features[part[there]] = features(shown)
        self._seen[new] = True

    def _chunks(self, segments: NDArray[np.int32]) -> Iterator[NDArray[np.int32]]:
        """Parts whose text fits in memory together."""
        size = np.cumsum(self._trace.segments.n_bytes[segments]) // _CHUNK_BYTES
        for part in np.split(segments, np.flatnonzero(np.diff(size)) + 1):
            if len(part):
                yield part

    def _calibration(self, model: str) -> Calibration:
        if model not in self._calibrations:
            found = growth(self._trace, model)
            self._see(needed(self._trace, found))
            x = added(self._trace, found, self._features) if len(found.call) else PRIOR[None][:0]
            self._calibrations[model] = fitted(x, found.tokens)
        return self._calibrations[model]


@dataclass(frozen=True)
class PortableCounter:
    """A counter without trace and texts: what it has counted, and what it was calibrated to."""

    ranks: Path | None
    allow_download: bool
    counts: dict[str, NDArray[np.int32]]
    calibrations: dict[str, Calibration]

    def at_work(self, trace: Trace, texts: Texts | None) -> Counter:
        """The same counter over a part of the trace; the segments are those of the whole."""
        made = Counter(trace, texts or NoTexts(), self.ranks, self.allow_download)
        made._counts, made._calibrations = dict(self.counts), dict(self.calibrations)
        return made


class NoTexts:
    """`Texts` of a log that kept none."""

    def get(self, segments: Sequence[int] | NDArray[np.int32]) -> list[str | None]:
        return [None] * len(segments)


def shared_tokens(encoder: Encoder, first: str, second: str, same: int) -> int:
    """Tokens that two texts have in common, given the characters that they have in common.

    Only the text around the difference decides: both are cut where a new piece begins anyway.
    """
    a, b = encoder.encode(_cut(first, same)), encoder.encode(_cut(second, same))
    pairs = enumerate(zip(a, b, strict=False))
    return next((i for i, (x, y) in pairs if x != y), min(len(a), len(b)))


def _cut(text: str, same: int) -> str:
    found = _BOUNDARY.search(text, same)
    return text if found is None else text[: found.start() + 1]
