"""Token counts where no tokenizer is at hand: bytes, and the bytes that two texts share.

The real counter comes in as a port; this one serves tests and content-free logs. Its unit is wrong by
a factor, which the meter of lengths removes: only the ratio between segments of a call matters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from costopt.model.beginning import shared_length
from costopt.model.ports import Texts
from costopt.model.trace import SegmentTable

BYTES_PER_TOKEN = 4.0
"""Common English and code average of the byte-pair vocabularies in use (cl100k, o200k)."""


@dataclass(frozen=True, slots=True)
class ByteTokens:
    """A `TokenCounter` over byte lengths; counts that the log gives are kept."""

    segments: SegmentTable
    texts: Texts | None = None

    def count(self, segments: NDArray[np.int32], model: str) -> NDArray[np.int64]:
        known = self.segments.tokens[segments]
        size = self.segments.n_bytes[segments]
        guessed = np.ceil(size / BYTES_PER_TOKEN).astype(np.int64)
        return np.where(known >= 0, known, guessed)

    def label(self, model: str) -> str:
        return "estimated: bytes / 4"

    def common_prefix(self, first: int, second: int, model: str) -> int:
        """Whole tokens inside the bytes that both texts begin with; 0 where a text is not kept."""
        if first == second:
            return int(self.count(np.array([first], np.int32), model)[0])
        if self.texts is None:
            return 0
        texts = self.texts.get([first, second])
        if texts[0] is None or texts[1] is None:
            return 0
        return int(shared_length(encoded(texts[0]), encoded(texts[1])) / BYTES_PER_TOKEN)


def encoded(text: str) -> bytes:
    """UTF-8 as the wire carries it; broken surrogates of a log survive."""
    return text.encode("utf-8", "surrogatepass")
