"""Texts of a trace's blocks out of the store: the `Texts` port."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from costopt.model.trace import SegmentTable
from costopt.store.database import explained
from costopt.store.load import wanted
from costopt.store.segments_table import folded
from costopt.store.sql import rows

if TYPE_CHECKING:
    import duckdb

ALL_AT_ONCE_BYTES = 96_000_000
"""Traces with no more text than this are read whole, so that single look-ups cost nothing."""
RECENT_BYTES = 64_000_000
"""Of a larger trace so much text stays at hand: neighbours are asked for again and again, two at a time."""


class StoredTexts:
    """Segment texts by the trace's segment numbers; None where no text was kept."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, segments: SegmentTable, where: str
    ) -> None:
        self._connection, self._where = connection, where
        self._ids = folded(segments.digest)
        self._held, self._sizes = segments.has_text, segments.n_bytes
        self._small = int(segments.n_bytes.sum()) <= ALL_AT_ONCE_BYTES
        self._all: list[str | None] | None = None
        self._recent: dict[int, str | None] = {}
        self._recent_bytes = 0

    def get(self, segments: Sequence[int] | NDArray[np.int32]) -> list[str | None]:
        """The texts of these segments, in their order."""
        numbers = np.asarray(segments, np.int64)
        if not self._small:
            return self._read_lately(numbers)
        if self._all is None:
            self._all = self._read(np.arange(len(self._ids)))
        held = self._all
        return [held[i] for i in numbers.tolist()]

    def _read_lately(self, numbers: NDArray[np.int64]) -> list[str | None]:
        wanted_now = numbers.tolist()
        new = [i for i in dict.fromkeys(wanted_now) if i not in self._recent]
        if self._recent_bytes + int(self._sizes[new].sum()) > RECENT_BYTES:
            self._recent.clear()
            self._recent_bytes, new = 0, list(dict.fromkeys(wanted_now))
        if new:
            self._recent_bytes += int(self._sizes[new].sum())
            self._recent.update(zip(new, self._read(np.array(new, np.int64)), strict=True))
        return [self._recent[i] for i in wanted_now]

    def _read(self, numbers: NDArray[np.int64]) -> list[str | None]:
        asked = np.unique(numbers[self._held[numbers]])
        found: dict[int, str | None] = {}
        if len(asked):
            with explained(self._where):
                wanted(self._connection, self._ids[asked])
                texts = rows(self._connection, "texts_of_segments")
                self._connection.unregister("wanted")
            for number, (_, text, raw) in zip(asked.tolist(), texts, strict=True):
                found[number] = text if raw is None else raw.decode("utf-8", "surrogatepass")
        return [found.get(i) for i in numbers.tolist()]
